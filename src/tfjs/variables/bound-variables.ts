import * as tf from '@tensorflow/tfjs';
import { LayerwiseOptimizer } from '../../optimizer/layerwise-optimizer.js';
import type { LayerwiseOptimizerOptions } from '../../optimizer/optimizer-options.js';
import type { LayerState } from '../../optimizer/optimizer-state.js';
import { RULES } from '../../optimizer/rules.js';
import { STATISTICS } from '../../optimizer/statistics.js';
import { assignValues, readTensors } from '../host-memory.js';
import { expandGradient } from './tfjs-gradients.js';
import type { VariableLayer } from './variable-layers.js';
import type { VariableState } from './variable-state.js';

/** A variable as an optimiser keeps it, whatever sets of variables it takes steps in. */
export class TrainedVariable {
	readonly variable: tf.Variable;
	/** Master copy of its values, in host memory. */
	readonly parameters: Float32Array;
	/** Copy of the gradient of the current step. */
	readonly gradients: Float32Array;
	/** The data that the variable had when it was last equal to its master copy. */
	syncedData: object | undefined;
	/** Its state, or the set that it took its last step in, whose optimiser has it. Undefined: it starts anew. */
	state: BoundVariables | VariableState | undefined;

	constructor(variable: tf.Variable) {
		this.variable = variable;
		this.parameters = new Float32Array(variable.size);
		this.gradients = new Float32Array(variable.size);
	}
}

/**
 * The variables of one kind of step under a LayerwiseOptimizer, which reads and writes their copies in host memory. After every step the
 * variables are assigned the new values.
 */
export class BoundVariables implements Disposable {
	readonly layers: readonly VariableLayer[];
	/** In the order of the optimiser's arrays: layer by layer. */
	readonly members: readonly TrainedVariable[];
	/** Elements of all of them. */
	readonly size: number;
	readonly optimizer: LayerwiseOptimizer;
	/** `[layers × 14]` */
	readonly statistics: Float32Array;
	/** `[layers]`, written by the caller */
	readonly learningRates: Float32Array;
	readonly #index: ReadonlyMap<tf.Variable, number>;
	/** Without a restored state or a step: all states are 0. */
	#isNew = true;

	/** @param members of the layers' variables, in their order */
	constructor(
		layers: readonly VariableLayer[],
		members: readonly TrainedVariable[],
		options: Omit<LayerwiseOptimizerOptions, 'layers'>,
	) {
		this.layers = layers;
		this.members = members;
		this.size = members.reduce((sum, { variable }) => sum + variable.size, 0);
		this.#index = new Map(members.map(({ variable }, i) => [variable, i]));
		let first = 0;
		this.optimizer = new LayerwiseOptimizer({
			...options,
			layers: layers.map(({ name, variables }) => {
				const own = members.slice(first, first + variables.length);
				first += variables.length;
				return {
					name,
					parameters: own.map(({ parameters }) => parameters),
					gradients: own.map(({ gradients }) => gradients),
				};
			}),
		});
		this.statistics = new Float32Array(layers.length * STATISTICS.length);
		this.learningRates = new Float32Array(layers.length);
	}

	/** Whether these are exactly its variables, in any order. @param variables each once */
	consistsOf(variables: readonly tf.Variable[]): boolean {
		return variables.length === this.members.length && variables.every((variable) => this.#index.has(variable));
	}

	/** @param gradients of every variable; shapes that `checkGradient` accepts */
	read(gradients: ReadonlyMap<tf.Variable, tf.Tensor>): void {
		const tensors = this.members.map(({ variable }) => gradients.get(variable) as tf.Tensor);
		const arrays = this.members.map((member) => member.gradients);
		if (tensors.every(({ size }, i) => size === arrays[i]?.length)) readTensors(tensors, arrays);
		else {
			tf.tidy(() => {
				const expanded = tensors.map((gradient, i) =>
					expandGradient(gradient, this.members[i]?.variable as tf.Variable),
				);
				readTensors(expanded, arrays);
			});
		}
		// A variable may have been assigned since: setWeights, a restored checkpoint, weight averaging.
		const changed = this.members.filter(({ syncedData: seen, variable }) => seen !== variable.dataId);
		if (changed.length === 0) return;
		readTensors(
			changed.map(({ variable }) => variable),
			changed.map(({ parameters }) => parameters),
		);
		for (const member of changed) member.syncedData = member.variable.dataId;
	}

	/** Assigns the master copies to the variables. */
	write(): void {
		for (const member of this.members) {
			assignValues(member.variable, member.parameters);
			member.syncedData = member.variable.dataId;
		}
	}

	/** Loads the state of every variable that took its last step in another set, or has taken none. */
	collectStates(): void {
		const pending = this.members.filter(({ state }) => state !== this);
		if (pending.length === 0) return;
		if (!this.#isNew || pending.some(({ state }) => state !== undefined)) {
			const own = pending.length < this.members.length ? this.states() : [];
			const elsewhere = new Map<BoundVariables, VariableState[]>();
			this.#restore(
				this.members.map(({ variable, state }, i) => {
					if (state === this) return own[i];
					if (!(state instanceof BoundVariables)) return state;
					const states = elsewhere.get(state) ?? state.states();
					elsewhere.set(state, states);
					return states[state.#index.get(variable) as number];
				}),
			);
		}
		this.#isNew = false;
		for (const member of pending) member.state = this;
	}

	/** Copies the states held here to their variables, then disposes of the set. */
	release(): void {
		const own = this.members.filter(({ state }) => state === this);
		if (own.length > 0) {
			const states = this.states();
			for (const member of own) member.state = states[this.#index.get(member.variable) as number];
		}
		this.dispose();
	}

	/** Copies, of every variable, in the order of `members`. */
	states(): VariableState[] {
		const { layers } = this.optimizer.state();
		return this.layers.flatMap(({ variables }, l) => {
			const { step, steps, moments } = layers[l] as LayerState;
			return variables.map(({ shape }, i) => ({
				shape,
				step: steps?.[i] ?? step,
				moments: moments.map((arrays) => arrays[i] as Float32Array),
			}));
		});
	}

	dispose(): void {
		this.optimizer.dispose();
	}

	[Symbol.dispose](): void {
		this.dispose();
	}

	/** @param states in the order of `members`; undefined: a new state */
	#restore(states: readonly (VariableState | undefined)[]): void {
		let first = 0;
		const layers = this.layers.map(({ name, variables }) => {
			const own = states.slice(first, first + variables.length);
			const steps = own.map((state) => state?.step ?? 0);
			const step = Math.max(...steps);
			first += variables.length;
			const moments = Array.from({ length: RULES[this.optimizer.algorithm].moments }, (_, moment) =>
				variables.map(({ size }, i) => own[i]?.moments[moment] ?? new Float32Array(size)),
			);
			return { name, step, steps, moments };
		});
		this.optimizer.restore({ algorithm: this.optimizer.algorithm, layers });
	}
}

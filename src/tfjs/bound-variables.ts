import type * as tf from '@tensorflow/tfjs';
import { LayerwiseOptimizer } from '../optimizer/layerwise-optimizer.js';
import type { LayerwiseOptimizerOptions } from '../optimizer/options.js';
import { MOMENT_COUNT } from '../optimizer/rules.js';
import { STATISTICS } from '../optimizer/statistics.js';
import { assignValues, readTensors } from './host-memory.js';
import type { VariableLayer } from './variable-layers.js';

/** What an optimiser knows of one variable: enough to go on with it in another grouping, or after loading. */
export interface VariableState {
	readonly shape: readonly number[];
	/** Steps its layer has taken. */
	readonly step: number;
	/** First moment, second moment: as many as the algorithm has. */
	readonly moments: readonly Float32Array[];
}

/**
 * tfjs variables under a LayerwiseOptimizer: master copies of the parameters and copies of the gradients in host memory, which the
 * native step reads and writes. The variables get their values after every step.
 */
export class BoundVariables implements Disposable {
	readonly layers: readonly VariableLayer[];
	/** In the order of the optimiser's arrays: layer by layer. */
	readonly variables: readonly tf.Variable[];
	readonly optimizer: LayerwiseOptimizer;
	/** `[layers × 14]` */
	readonly statistics: Float32Array;
	readonly #parameters: readonly Float32Array[];
	readonly #gradients: readonly Float32Array[];
	/** The data every variable had when it was last equal to its master copy. */
	readonly #seen: (object | undefined)[];

	constructor(layers: readonly VariableLayer[], options: Omit<LayerwiseOptimizerOptions, 'layers'>) {
		this.layers = layers;
		this.variables = layers.flatMap(({ variables }) => variables);
		this.#parameters = this.variables.map(({ size }) => new Float32Array(size));
		this.#gradients = this.variables.map(({ size }) => new Float32Array(size));
		this.#seen = this.variables.map(() => undefined);
		let first = 0;
		this.optimizer = new LayerwiseOptimizer({
			...options,
			layers: layers.map(({ name, variables }) => {
				const range = [first, first + variables.length] as const;
				first = range[1];
				return { name, parameters: this.#parameters.slice(...range), gradients: this.#gradients.slice(...range) };
			}),
		});
		this.statistics = new Float32Array(layers.length * STATISTICS.length);
	}

	/** @param gradients one per variable, in their order */
	read(gradients: readonly tf.Tensor[]): void {
		readTensors(gradients, this.#gradients);
		// Somebody may have assigned to a variable since: setWeights, a restored checkpoint, weight averaging.
		const changed = [...this.variables.keys()].filter((i) => this.#seen[i] !== this.variables[i]?.dataId);
		if (changed.length === 0) return;
		readTensors(
			changed.map((i) => this.variables[i] as tf.Variable),
			changed.map((i) => this.#parameters[i] as Float32Array),
		);
		for (const i of changed) this.#seen[i] = this.variables[i]?.dataId;
	}

	/** The master copies become the variables' values. */
	write(): void {
		for (const [i, variable] of this.variables.entries()) {
			assignValues(variable, this.#parameters[i] as Float32Array);
			this.#seen[i] = variable.dataId;
		}
	}

	/** Of every variable, in their order. */
	states(): VariableState[] {
		const { layers } = this.optimizer.state();
		return this.layers.flatMap(({ variables }, l) =>
			variables.map(({ shape }, i) => ({
				shape,
				step: layers[l]?.step ?? 0,
				moments: layers[l]?.moments.map((arrays) => arrays[i] as Float32Array) ?? [],
			})),
		);
	}

	/** @param stateOf of a variable; undefined: it starts anew */
	restore(stateOf: (variable: tf.Variable, index: number) => VariableState | undefined): void {
		let index = 0;
		const layers = this.layers.map(({ name, variables }) => {
			const states = variables.map((variable) => stateOf(variable, index++));
			const moments = Array.from({ length: MOMENT_COUNT[this.optimizer.algorithm] }, (_, moment) =>
				variables.map(({ size }, i) => states[i]?.moments[moment] ?? new Float32Array(size)),
			);
			return { name, step: Math.max(...states.map((state) => state?.step ?? 0)), moments };
		});
		this.optimizer.restore({ algorithm: this.optimizer.algorithm, layers });
	}

	dispose(): void {
		this.optimizer.dispose();
	}

	[Symbol.dispose](): void {
		this.dispose();
	}
}

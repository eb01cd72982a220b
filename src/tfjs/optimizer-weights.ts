import { types } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { GannoError } from '../errors.js';
import type { BoundVariables, VariableState } from './bound-variables.js';

/**
 * An optimiser's state as tfjs saves it: `iter`, then `steps` (one a variable), then every variable's moments, moment by moment, as
 * `<variable>/moment1` and `<variable>/moment2`.
 */

/** As optimisers of tfjs give and take them; tfjs has the type, and does not export it. */
export type NamedTensor = Awaited<ReturnType<tf.Optimizer['getWeights']>>[number];

/** What was loaded, until there are variables for it. */
export interface LoadedWeights {
	readonly iterations: number;
	readonly names: readonly string[];
	readonly states: readonly VariableState[];
}

/**
 * The variables that `getWeights` hands out. tfjs never disposes what `getWeights` gives (saving a model leaks it), so these are kept
 * and assigned to: however often a model is saved, one copy of the state lies in tfjs's memory.
 */
export class ExportedWeights {
	#variables = new Map<string, tf.Variable>();

	write(iterations: number, bound: BoundVariables | undefined): NamedTensor[] {
		const states = bound?.states() ?? [];
		const names = bound?.variables.map(({ name }) => name) ?? [];
		const weights = [this.#put('iter', Int32Array.of(iterations), [])];
		if (states.length === 0) return weights;
		const steps = Int32Array.from(states, ({ step }) => step);
		weights.push(this.#put('steps', steps, [steps.length]));
		for (let moment = 0; moment < (states[0]?.moments.length ?? 0); moment++) {
			for (const [i, { shape, moments }] of states.entries()) {
				weights.push(this.#put(`${names[i]}/moment${moment + 1}`, moments[moment] as Float32Array, shape));
			}
		}
		return weights;
	}

	dispose(): void {
		for (const variable of this.#variables.values()) variable.dispose();
		this.#variables.clear();
	}

	#put(name: string, values: Float32Array | Int32Array, shape: readonly number[]): NamedTensor {
		const tensor = tf.tensor(values, [...shape], types.isInt32Array(values) ? 'int32' : 'float32');
		const old = this.#variables.get(name);
		if (old !== undefined && !old.isDisposed && tf.util.arraysEqual(old.shape, tensor.shape)) {
			old.assign(tensor);
			tensor.dispose();
			return { name, tensor: old };
		}
		if (old !== undefined && !old.isDisposed) old.dispose();
		const variable = tf.variable(tensor, false);
		tensor.dispose();
		this.#variables.set(name, variable);
		return { name, tensor: variable };
	}
}

/** @throws GannoError `INVALID_ARGUMENT` saying what does not look like {@link ExportedWeights} of `moments` moments */
export async function readWeights(weights: readonly NamedTensor[], moments: number): Promise<LoadedWeights> {
	const refuse = (problem: string): GannoError =>
		new GannoError(
			'INVALID_ARGUMENT',
			`These are not the weights of a LayerwiseTfOptimizer with this algorithm: ${problem}`,
		);
	const [iter, steps, ...rest] = weights;
	if (iter?.name !== 'iter') throw refuse("the first is not 'iter'");
	const iterations = (await iter.tensor.data())[0] as number;
	if (steps === undefined) return { iterations, names: [], states: [] };
	if (steps.name !== 'steps') throw refuse("the second is not 'steps'");
	const counts = await steps.tensor.data<'int32'>();
	if (rest.length !== moments * counts.length) {
		throw refuse(`there are ${rest.length} moments for ${counts.length} variables, not ${moments} each`);
	}
	const data = await Promise.all(rest.map(({ tensor }) => tensor.data<'float32'>()));
	const states = Array.from(counts, (step, i) => ({
		shape: rest[i]?.tensor.shape ?? [],
		step,
		// Copies: on some back ends data() is the tensor's own storage.
		moments: Array.from({ length: moments }, (_, moment) => Float32Array.from(data[moment * counts.length + i] ?? [])),
	}));
	const names = rest.slice(0, counts.length).map(({ name }) => name.replace(/\/moment1$/, ''));
	return { iterations, names, states };
}

/**
 * Gives loaded state to variables: by name where all names are there, else by position (a model that is loaded beside the one it was
 * saved from has other names).
 */
export function restoreWeights(bound: BoundVariables, { names, states }: LoadedWeights): void {
	if (states.length === 0 || bound.optimizer.algorithm === 'sgd') {
		const step = states[0]?.step ?? 0;
		bound.restore(({ shape }) => ({ shape, step, moments: [] }));
		return;
	}
	const own = bound.variables.map(({ name }) => name);
	const byName = own.every((name) => names.includes(name));
	const places = own.map((name, i) => (byName ? names.indexOf(name) : i));
	for (const [i, variable] of bound.variables.entries()) {
		const state = states[places[i] as number];
		if (state === undefined || !tf.util.arraysEqual([...state.shape], variable.shape)) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				`The loaded optimiser state does not fit: the variable ${variable.name} has shape [${variable.shape.join(', ')}], ` +
					`its moments ${state === undefined ? 'are missing' : `[${state.shape.join(', ')}]`}`,
			);
		}
	}
	bound.restore((_, i) => states[places[i] as number]);
}

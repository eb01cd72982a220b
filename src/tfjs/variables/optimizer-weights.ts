import { types } from 'node:util';
import * as tf from '@tensorflow/tfjs';
import { counted } from '../../counted.js';
import { GannoError } from '../../errors.js';
import type { NamedState } from './variable-state.js';

/**
 * An optimiser's state as tfjs saves it: `iter`, then, for algorithms with moments, `steps` (one a variable) and every variable's
 * moments, moment by moment, as `<variable>/moment1` and `<variable>/moment2`.
 */

/** Weights of tfjs's optimisers; tfjs does not export the type. */
export type NamedTensor = Awaited<ReturnType<tf.Optimizer['getWeights']>>[number];

export interface LoadedWeights {
	readonly iterations: number;
	readonly states: readonly NamedState[];
}

const momentName = (variable: string, moment: number): string => `${variable}/moment${moment + 1}`;

/**
 * The variables that `getWeights` returns. tfjs never disposes of them (saving a model leaks them), so they are kept and reassigned: one
 * copy of the state is in tfjs's memory, however often a model is saved.
 */
export class ExportedWeights {
	#variables = new Map<string, tf.Variable>();

	/** @param moments how many the algorithm has */
	write(iterations: number, states: readonly NamedState[], moments: number): NamedTensor[] {
		const old = this.#variables;
		this.#variables = new Map();
		const weights = [this.#put(old, 'iter', Int32Array.of(iterations), [])];
		if (states.length > 0 && moments > 0) {
			weights.push(
				this.#put(
					old,
					'steps',
					Int32Array.from(states, ({ step }) => step),
					[states.length],
				),
			);
			for (let moment = 0; moment < moments; moment++) {
				for (const { name, shape, moments: values } of states) {
					weights.push(this.#put(old, momentName(name, moment), values[moment] as Float32Array, shape));
				}
			}
		}
		for (const [name, variable] of old) if (this.#variables.get(name) !== variable) variable.dispose();
		return weights;
	}

	dispose(): void {
		for (const variable of this.#variables.values()) variable.dispose();
		this.#variables.clear();
	}

	#put(
		old: ReadonlyMap<string, tf.Variable>,
		name: string,
		values: Float32Array | Int32Array,
		shape: readonly number[],
	): NamedTensor {
		const tensor = tf.tensor(values, [...shape], types.isInt32Array(values) ? 'int32' : 'float32');
		let variable = old.get(name);
		if (variable !== undefined && !variable.isDisposed && tf.util.arraysEqual(variable.shape, tensor.shape)) {
			variable.assign(tensor);
		} else variable = tf.variable(tensor, false);
		tensor.dispose();
		this.#variables.set(name, variable);
		return { name, tensor: variable };
	}
}

/** @throws GannoError `INVALID_ARGUMENT` saying what differs from {@link ExportedWeights} of `moments` moments */
export async function readWeights(weights: readonly NamedTensor[], moments: number): Promise<LoadedWeights> {
	const refuse = (problem: string): GannoError =>
		new GannoError(
			'INVALID_ARGUMENT',
			`These are not the weights of a LayerwiseTfOptimizer with this algorithm: ${problem}`,
		);
	if (!Array.isArray(weights)) throw refuse('they are not an array of { name, tensor }');
	const [iter, steps, ...rest] = weights as readonly (NamedTensor | undefined)[];
	if (iter?.name !== 'iter') throw refuse("the first is not 'iter'");
	const iterations = (await iter.tensor.data())[0] as number;
	if (!isCount(iterations)) throw refuse(`'iter' is ${iterations}, not a count of steps`);
	if (steps === undefined) return { iterations, states: [] };
	if (steps.name !== 'steps') throw refuse("the second is not 'steps'");
	const counts = Array.from(await steps.tensor.data<'int32'>());
	if (!counts.every(isCount)) throw refuse("'steps' holds something that is not a count of steps");
	if (rest.length !== moments * counts.length) {
		throw refuse(
			`there ${rest.length === 1 ? 'is' : 'are'} ${counted(rest.length, 'moment')} for ${counted(counts.length, 'variable')}, not ${moments} each`,
		);
	}
	if (moments === 0) return { iterations, states: [] };
	const names = rest.slice(0, counts.length).map((first) => first?.name.replace(/\/moment1$/, '') ?? '');
	if (new Set(names).size !== names.length) throw refuse('two variables have the same name');
	const states = await Promise.all(
		counts.map(async (step, i): Promise<NamedState> => {
			const name = names[i] as string;
			const own = Array.from({ length: moments }, (_, moment) => rest[moment * counts.length + i] as NamedTensor);
			for (const [moment, given] of own.entries()) {
				const wanted = momentName(name, moment);
				if (given.name !== wanted) throw refuse(`where '${wanted}' is due, there is '${given.name}'`);
				if (given.tensor.dtype !== 'float32') throw refuse(`'${wanted}' is of type ${given.tensor.dtype}, not float32`);
				if (!tf.util.arraysEqual(given.tensor.shape, own[0]?.tensor.shape ?? [])) {
					throw refuse(`the moments of '${name}' have different shapes`);
				}
			}
			// Copies: on some back ends data() is the tensor's own storage.
			const data = await Promise.all(own.map(async ({ tensor }) => Float32Array.from(await tensor.data<'float32'>())));
			return { name, shape: own[0]?.tensor.shape ?? [], step, moments: data };
		}),
	);
	return { iterations, states };
}

function isCount(value: number): boolean {
	return Number.isSafeInteger(value) && value >= 0;
}

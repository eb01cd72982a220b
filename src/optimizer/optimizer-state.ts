import { checkFloat32Array, invalidArgument } from '../arguments.js';
import { counted } from '../counted.js';
import { fromNative } from '../errors.js';
import type { LayerwiseAlgorithm } from './algorithms.js';
import type { ResolvedLayer } from './layers.js';
import type { LayerwisePlan } from './plan.js';
import { RULES } from './rules.js';

/** One layer's part of a state: copies, not views. */
export interface LayerState {
	readonly name: string;
	/** Steps this layer has taken: the largest of its arrays'; 0 for a layer without arrays. */
	readonly step: number;
	/**
	 * Steps each of its parameter arrays has taken, where they differ: one that joined later, or sat out, has its own bias correction
	 * (adam, adamw, lamb). Left out: `step`, all of them.
	 */
	readonly steps?: readonly number[];
	/** [moment][array]: velocity; squared average; or first and second moment. */
	readonly moments: readonly (readonly Float32Array[])[];
}

/**
 * Everything an optimizer keeps besides its options, in a form that survives structured clone and `v8.serialize`, to the bit. JSON has no
 * typed arrays.
 */
export interface OptimizerState {
	readonly algorithm: LayerwiseAlgorithm;
	readonly layers: readonly LayerState[];
}

/** What a state must fit. */
export interface StateShape {
	readonly algorithm: LayerwiseAlgorithm;
	readonly layers: readonly ResolvedLayer[];
	/** Elements of every layer's arrays, as registered: the arrays themselves may be detached, and their moments can be saved still. */
	readonly sizes: readonly number[];
}

export function readState(plan: LayerwisePlan, { algorithm, layers, sizes }: StateShape): OptimizerState {
	const counts = new Float64Array(sizes.length);
	plan.readSteps(counts);
	let array = 0;
	return {
		algorithm,
		layers: layers.map(({ name, parameters }): LayerState => {
			const first = array;
			array += parameters.length;
			const moments = Array.from({ length: RULES[algorithm].moments }, (_, moment) =>
				parameters.map((_array, i) => {
					const values = new Float32Array(sizes[first + i] as number);
					plan.readMoment(first + i, moment, values);
					return values;
				}),
			);
			const steps = [...counts.subarray(first, array)];
			const step = Math.max(0, ...steps);
			return { name, step, ...(steps.some((own) => own !== step) ? { steps } : {}), moments };
		}),
	};
}

function checkCount(value: unknown, name: string): number {
	if (!Number.isSafeInteger(value) || (value as number) < 0) throw invalidArgument('a count of steps', name, value);
	return value as number;
}

/** Steps of each of a layer's arrays; states of version 0.1 have one count for all of them. */
function readSteps(layer: LayerState, arrays: number, path: string): number[] {
	const step = checkCount(layer.step, `${path}.step`);
	const { steps } = layer;
	if (steps === undefined) return Array.from({ length: arrays }, () => step);
	if (!Array.isArray(steps) || steps.length !== arrays) {
		throw invalidArgument(`${arrays} counts of steps, one for each array of the layer,`, `${path}.steps`, steps);
	}
	const counts = Array.from(steps, (own: unknown, i) => checkCount(own, `${path}.steps[${i}]`));
	if (step !== Math.max(0, ...counts)) {
		throw invalidArgument('the largest of steps, or no steps beside it,', `${path}.step`, step);
	}
	return counts;
}

function checkMoment(values: unknown, name: string, length: number): Float32Array {
	if (typeof values === 'object' && values !== null && !ArrayBuffer.isView(values)) {
		const advice = 'JSON keeps no typed arrays: save a state with v8.serialize, which does.';
		throw invalidArgument(`a Float32Array of length ${length}`, name, values, advice);
	}
	return checkFloat32Array(values, name, length);
}

/** @throws GannoError `INVALID_ARGUMENT` naming what does not fit; nothing has changed then */
export function writeState(plan: LayerwisePlan, shape: StateShape, state: OptimizerState): void {
	const { algorithm, layers, sizes } = shape;
	if (typeof state !== 'object' || state === null || !Array.isArray(state.layers)) {
		throw invalidArgument('what state() returned', 'state', state);
	}
	if (state.algorithm !== algorithm) {
		throw invalidArgument(`'${algorithm}', as in this optimizer,`, 'state.algorithm', state.algorithm);
	}
	if (state.layers.length !== layers.length) {
		throw invalidArgument(`${counted(layers.length, 'layer')}, as in this optimizer,`, 'state.layers', state.layers);
	}
	const writes: (() => [array: number, moment: number, values: Float32Array])[] = [];
	const steps: number[] = [];
	let array = 0;
	for (const [index, layer] of (state.layers as readonly LayerState[]).entries()) {
		const path = `state.layers[${index}]`;
		const { name, parameters } = layers[index] as ResolvedLayer;
		if (layer?.name !== name) throw invalidArgument(`'${name}', as in this optimizer,`, `${path}.name`, layer?.name);
		steps.push(...readSteps(layer, parameters.length, path));
		for (const i of parameters.keys()) {
			const length = sizes[array] as number;
			for (let moment = 0; moment < RULES[algorithm].moments; moment++) {
				const values = layer.moments?.[moment]?.[i];
				const [at, name] = [array, `${path}.moments[${moment}][${i}]`];
				writes.push(() => [at, moment, checkMoment(values, name, length)]);
			}
			array++;
		}
	}
	// All is checked when all is read: reading may run the caller's code, which may detach what was read before.
	const checked = writes.map((check) => check());
	try {
		plan.writeSteps(Float64Array.from(steps)); // first, because it says DISPOSED where there is nothing else to write
		for (const [index, moment, values] of checked) plan.writeMoment(index, moment, values);
	} catch (error) {
		throw fromNative(error);
	}
}

import { checkFloat32Array, invalidArgument } from '../arguments.js';
import { counted } from '../counted.js';
import { fromNative } from '../errors.js';
import type { LayerwiseAlgorithm } from './algorithms.js';
import type { LayerwiseBackend } from './backend.js';
import type { ResolvedLayer } from './layers.js';
import { MOMENT_COUNT } from './rules.js';

/** One layer's part of a state: copies, not views. */
export interface LayerState {
	readonly name: string;
	/** Steps this layer has taken. */
	readonly step: number;
	/** [moment][array]: velocity; squared average; or first and second moment. */
	readonly moments: readonly (readonly Float32Array[])[];
}

/** Everything an optimizer keeps besides its options, in a form that survives structured clone. */
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

export function readState(backend: LayerwiseBackend, { algorithm, layers, sizes }: StateShape): OptimizerState {
	const steps = new Float64Array(layers.length);
	backend.readSteps(steps);
	let array = 0;
	return {
		algorithm,
		layers: layers.map(({ name, parameters }, layer): LayerState => {
			const first = array;
			array += parameters.length;
			const moments = Array.from({ length: MOMENT_COUNT[algorithm] }, (_, moment) =>
				parameters.map((_array, i) => {
					const values = new Float32Array(sizes[first + i] as number);
					backend.readMoment(first + i, moment, values);
					return values;
				}),
			);
			return { name, step: steps[layer] as number, moments };
		}),
	};
}

/** @throws GannoError `INVALID_ARGUMENT` naming what does not fit; nothing has changed then */
export function writeState(backend: LayerwiseBackend, shape: StateShape, state: OptimizerState): void {
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
	const steps = new Float64Array(layers.length);
	let array = 0;
	for (const [index, layer] of (state.layers as readonly LayerState[]).entries()) {
		const path = `state.layers[${index}]`;
		const { name, parameters } = layers[index] as ResolvedLayer;
		if (layer?.name !== name) throw invalidArgument(`'${name}', as in this optimizer,`, `${path}.name`, layer?.name);
		if (!Number.isSafeInteger(layer.step) || layer.step < 0) {
			throw invalidArgument('a count of steps', `${path}.step`, layer.step);
		}
		steps[index] = layer.step;
		for (const i of parameters.keys()) {
			const length = sizes[array] as number;
			for (let moment = 0; moment < MOMENT_COUNT[algorithm]; moment++) {
				const values = layer.moments?.[moment]?.[i];
				const [at, name] = [array, `${path}.moments[${moment}][${i}]`];
				writes.push(() => [at, moment, checkFloat32Array(values, name, length)]);
			}
			array++;
		}
	}
	// All is checked when all is read: reading may run the caller's code, which may detach what was read before.
	const checked = writes.map((check) => check());
	try {
		backend.writeSteps(steps); // first, because it says DISPOSED where there is nothing else to write
		for (const [index, moment, values] of checked) backend.writeMoment(index, moment, values);
	} catch (error) {
		throw fromNative(error);
	}
}

import { types } from 'node:util';
import { checkBoolean, checkKeys, invalidArgument, keysOf } from '../arguments.js';
import { counted } from '../counted.js';
import { GannoError } from '../errors.js';
import type { LayerwiseAlgorithm } from './algorithms.js';
import { RULES } from './rules.js';

/** Layers and their arrays as the caller gives them, and the checks of them. */

/** A layer: what one learning rate applies to. */
export interface OptimizerLayer {
	readonly name: string;
	/**
	 * Updated in place. Plain or over a SharedArrayBuffer, any alignment, empty ones allowed; they must not overlap. That is checked by the
	 * identity of buffers, as addresses are not to be had in JavaScript: of two SharedArrayBuffers over one memory (one came through
	 * structuredClone or a message) it is not noticed, and shared elements are then stepped by each layer, in no order that is promised.
	 */
	readonly parameters: Float32Array | readonly Float32Array[];
	/** One per parameter array, of the same length; only read. */
	readonly gradients: Float32Array | readonly Float32Array[];
	/**
	 * Whether weight decay applies; default true. An array of them: one for each parameter array, so that a bias, which is commonly left out
	 * as normalisation parameters are, can share its kernel's layer. `lars` wants the same for all arrays of a layer with a trust ratio.
	 */
	readonly weightDecay?: boolean | readonly boolean[];
	/** LARS, LAMB: whether the trust ratio applies; default true. */
	readonly adapt?: boolean;
}

export interface LayerArrays {
	readonly parameters: readonly Float32Array[];
	/** One per parameter array, of the same length. */
	readonly gradients: readonly Float32Array[];
}

export interface ResolvedLayer extends LayerArrays {
	readonly name: string;
	/** One per parameter array: whether weight decay applies. */
	readonly decays: readonly boolean[];
	readonly adapt: boolean;
}

function checkArrays(value: unknown, name: string): readonly Float32Array[] {
	const arrays: readonly unknown[] = Array.isArray(value) ? Array.from(value) : [value]; // a hole is undefined
	for (const [i, array] of arrays.entries()) {
		if (!types.isFloat32Array(array)) {
			throw invalidArgument('a Float32Array or an array of them', Array.isArray(value) ? `${name}[${i}]` : name, array);
		}
	}
	return [...arrays] as Float32Array[];
}

const LAYER_KEYS = keysOf<OptimizerLayer>({
	name: true,
	parameters: true,
	gradients: true,
	weightDecay: true,
	adapt: true,
});

/** The arrays of every layer, checked. @param value what the caller gave as layers */
export function resolveLayerArrays(value: unknown): LayerArrays[] {
	if (!Array.isArray(value) || value.length === 0) throw invalidArgument('a non-empty array', 'layers', value);
	return Array.from(value, (layer: unknown, index): LayerArrays => {
		const path = `layers[${index}]`;
		checkKeys(layer, path, LAYER_KEYS);
		const given = layer as { readonly [key in keyof OptimizerLayer]?: unknown };
		const parameters = checkArrays(given.parameters, `${path}.parameters`);
		const gradients = checkArrays(given.gradients, `${path}.gradients`);
		if (parameters.length !== gradients.length) {
			throw invalidArgument(
				`${counted(parameters.length, 'array')}, as in parameters,`,
				`${path}.gradients`,
				given.gradients,
			);
		}
		for (const [i, array] of parameters.entries()) {
			if (gradients[i]?.length !== array.length) {
				throw invalidArgument(
					`a Float32Array of length ${array.length}, as the parameters,`,
					`${path}.gradients[${i}]`,
					gradients[i],
				);
			}
		}
		return { parameters, gradients };
	});
}

/** @returns one for each of `count` parameter arrays */
function resolveDecays(value: unknown, name: string, count: number): boolean[] {
	if (!Array.isArray(value)) {
		if (value !== undefined && typeof value !== 'boolean') {
			throw invalidArgument('true, false or an array of them, one for each parameter array,', name, value);
		}
		return Array.from({ length: count }, () => value ?? true);
	}
	if (value.length !== count) {
		const expected = `true or false for each of the layer's parameter arrays, ${count} in all,`;
		throw new GannoError('INVALID_ARGUMENT', `Expected ${expected} for ${name} but received ${value.length} of them`);
	}
	return Array.from(value, (decays: unknown, i) => {
		if (decays === undefined) throw invalidArgument('true or false', `${name}[${i}]`, decays); // a hole, too
		return checkBoolean(decays, `${name}[${i}]`);
	});
}

export function resolveLayers(value: unknown, algorithm: LayerwiseAlgorithm): ResolvedLayer[] {
	const arrays = resolveLayerArrays(value);
	const layers = arrays.map(({ parameters, gradients }, index): ResolvedLayer => {
		const path = `layers[${index}]`;
		const given = (value as readonly { readonly [key in keyof OptimizerLayer]?: unknown }[])[index];
		if (typeof given?.name !== 'string') throw invalidArgument('a string', `${path}.name`, given?.name);
		const decays = resolveDecays(given.weightDecay, `${path}.weightDecay`, parameters.length);
		const adapt = checkBoolean(given.adapt, `${path}.adapt`, true);
		if (RULES[algorithm].trust?.countsDecay && adapt && new Set(decays).size > 1) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				`Expected the same ${path}.weightDecay for all arrays of layer '${given.name}', whose trust ratio '${algorithm}' takes with the layer's weight decay; make layers of their own of the arrays without, or give the layer adapt: false`,
			);
		}
		return { name: given.name, parameters, gradients, decays, adapt };
	});
	checkOverlaps(layers);
	return layers;
}

/** Threads step arrays at the same time, so what one writes no other may touch. */
function checkOverlaps(layers: readonly ResolvedLayer[]): void {
	interface Range {
		readonly begin: number;
		readonly end: number;
		readonly written: boolean;
		readonly name: string;
	}
	const byBuffer = new Map<ArrayBufferLike, Range[]>();
	const add = (array: Float32Array, written: boolean, name: string): void => {
		if (array.length === 0) return;
		const ranges = byBuffer.get(array.buffer) ?? [];
		ranges.push({ begin: array.byteOffset, end: array.byteOffset + array.byteLength, written, name });
		byBuffer.set(array.buffer, ranges);
	};
	for (const { name, parameters, gradients } of layers) {
		for (const array of parameters) add(array, true, `the parameters of layer '${name}'`);
		for (const array of gradients) add(array, false, `the gradients of layer '${name}'`);
	}
	for (const ranges of byBuffer.values()) {
		ranges.sort((a, b) => a.begin - b.begin);
		let reach: Range | undefined; // the range that reaches furthest so far
		let writtenReach: Range | undefined; // and the furthest of those written
		for (const range of ranges) {
			const other = range.written ? reach : writtenReach;
			if (other !== undefined && other.end > range.begin) {
				throw new GannoError(
					'INVALID_ARGUMENT',
					`${range.name} overlap ${other.name} in memory; give every array its own elements`,
				);
			}
			if (reach === undefined || range.end > reach.end) reach = range;
			if (range.written && (writtenReach === undefined || range.end > writtenReach.end)) writtenReach = range;
		}
	}
}

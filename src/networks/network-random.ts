import { multiplyHigh, philox4x32, STREAMS, type StreamName } from '../philox.js';
import type { Initializer } from './spec.js';

/**
 * What is random about a child network, as pure functions of its seed: native/core's functions in TypeScript, bit for bit. Populations
 * that are not native draw the same weights, slices, batches and dropout.
 */

/** Calls Philox for block `index` of sub-sequence `sub`. */
function block(seed: number, stream: StreamName, index: number, sub: number, out: Uint32Array): void {
	philox4x32(
		[seed >>> 0, STREAMS[stream]],
		[index >>> 0, Math.floor(index / 2 ** 32) >>> 0, sub >>> 0, Math.floor(sub / 2 ** 32) >>> 0],
		out,
	);
}

/** murmur3's finaliser: every input bit reaches every output bit. */
function mix(value: number): number {
	let x = value ^ (value >>> 16);
	x = Math.imul(x, 0x85ebca6b);
	x ^= x >>> 13;
	x = Math.imul(x, 0xc2b2ae35);
	return (x ^ (x >>> 16)) >>> 0;
}

/**
 * A random permutation of 0 … size − 1: a keyed bijection on a grid of a × b ≥ size cells (a generalised Feistel network, Black &
 * Rogaway 2002), applied again where it leaves the range.
 * @param size at least 1, below 2^31
 */
export function permutation(seed: number, stream: StreamName, sub: number, size: number): (index: number) => number {
	let a = Math.floor(Math.sqrt(size));
	if (a * a < size) a++;
	const b = Math.floor((size + a - 1) / a);
	const keys = new Uint32Array(8);
	for (const half of [0, 1]) block(seed, stream, half, sub, keys.subarray(4 * half, 4 * half + 4));
	return (start) => {
		let index = start;
		do {
			let left = Math.floor(index / b);
			let right = index % b;
			for (let round = 0; round < 6; round += 2) {
				left += multiplyHigh(mix((right ^ keys[round]!) >>> 0), a);
				if (left >= a) left -= a;
				right += multiplyHigh(mix((left ^ keys[round + 1]!) >>> 0), b);
				if (right >= b) right -= b;
			}
			index = left * b + right;
		} while (index >= size);
		return index;
	};
}

function ratio(numerator: readonly number[], denominator: readonly number[], r: number): number {
	return numerator.reduce((sum, c) => sum * r + c, 0) / denominator.reduce((sum, c) => sum * r + c, 0);
}

/** The standard normal quantile of u in (0, 1), to about 1e-7 (Wichura 1988, algorithm AS 241, PPND7). */
export function normalQuantile(u: number): number {
	const q = u - 0.5;
	if (Math.abs(q) <= 0.425) {
		const r = 0.180625 - q * q;
		return (
			q *
			ratio(
				[5.910937472e1, 1.5929113202e2, 5.0434271938e1, 3.3871327179],
				[6.71875636e1, 7.8757757664e1, 1.7895169469e1, 1],
				r,
			)
		);
	}
	const r = Math.sqrt(-Math.log(q < 0 ? u : 1 - u));
	const value =
		r <= 5
			? ratio([1.7023821103e-1, 1.3067284816, 2.75681539, 1.4234372777], [1.2021132975e-1, 7.370016425e-1, 1], r - 1.6)
			: ratio(
					[1.7337203997e-2, 4.2868294337e-1, 3.081226386, 6.657905115],
					[1.2258202635e-2, 2.4197894225e-1, 1],
					r - 5,
				);
	return q < 0 ? -value : value;
}

/**
 * Initial weights of a layer (He or Xavier, uniform or normal); biases start at 0.
 * @param layer ordinal among the layers with weights
 */
export function initialWeights(
	count: number,
	initializer: Initializer,
	fanIn: number,
	fanOut: number,
	seed: number,
	layer: number,
): Float32Array {
	const variance = 2 / (initializer.startsWith('he') ? fanIn : fanIn + fanOut);
	const uniform = initializer.endsWith('uniform');
	const scale = Math.sqrt(uniform ? 3 * variance : variance);
	const words = new Uint32Array(4);
	const weights = new Float32Array(count);
	for (let i = 0; i < count; i++) {
		if (i % 4 === 0) block(seed, 'initialWeights', i / 4, layer, words);
		// The middle of one of 2^24 cells: never 0 or 1, symmetric about 1/2.
		const u = ((words[i % 4]! >>> 8) + 0.5) * 2 ** -24;
		weights[i] = scale * (uniform ? 2 * u - 1 : normalQuantile(u));
	}
	return weights;
}

/**
 * Factors of a dropout layer: 0 for what is dropped, else 1 / (1 − rate).
 * @param sub step × 256 + position of the layer in the network; probes have their batch above bit 48
 * @returns `[images × elements]`; every image starts at a whole block
 */
export function dropoutFactors(
	rate: number,
	images: number,
	elements: number,
	seed: number,
	sub: number,
): Float32Array {
	const factors = new Float32Array(images * elements);
	const threshold = Math.floor(rate * 2 ** 32);
	const kept = 1 / (1 - rate);
	const words = new Uint32Array(4);
	const blocks = Math.ceil(elements / 4);
	for (let image = 0; image < images; image++) {
		for (let e = 0; e < elements; e++) {
			if (e % 4 === 0) block(seed, 'dropout', image * blocks + e / 4, sub, words);
			factors[image * elements + e] = words[e % 4]! < threshold ? 0 : kept;
		}
	}
	return factors;
}

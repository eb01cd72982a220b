/**
 * Philox4x32-10 (Salmon et al. 2011), the counter-based generator of native/core/philox.h, bit for bit. The n-th number of a
 * stream is a pure function of (seed, stream, n): nothing depends on who asks first. By hand, as npm's generators (pure-rand, random-js) have no Philox.
 */

/** What a stream of random numbers is for; the values equal `enum class Stream` in native/core/philox.h. */
export const STREAMS = {
	initialWeights: 0,
	batchOrder: 1,
	dropout: 2,
	slice: 3,
	probe: 4,
	exploration: 5,
	task: 6,
	split: 7,
	policy: 8,
	environment: 9,
} as const;

export type StreamName = keyof typeof STREAMS;

/** The upper 32 bits of the product of two unsigned 32-bit integers. */
export function multiplyHigh(a: number, b: number): number {
	const aHigh = a >>> 16;
	const aLow = a & 0xffff;
	const bHigh = b >>> 16;
	const bLow = b & 0xffff;
	const low = aLow * bLow;
	const middle1 = aHigh * bLow + (low >>> 16);
	const middle2 = aLow * bHigh + (middle1 & 0xffff);
	return (aHigh * bHigh + Math.floor(middle1 / 0x10000) + Math.floor(middle2 / 0x10000)) >>> 0;
}

/**
 * One block of four uniform 32-bit words.
 * @param key two words: the seed and the stream
 * @param counter four words
 * @param out receives the block at [0..3]
 */
export function philox4x32(
	key: readonly [number, number],
	counter: readonly [number, number, number, number],
	out: Uint32Array,
): void {
	let [c0, c1, c2, c3] = counter;
	let [k0, k1] = key;
	for (let round = 0; round < 10; round++) {
		const high0 = multiplyHigh(0xd2511f53, c0);
		const low0 = Math.imul(0xd2511f53, c0);
		const high1 = multiplyHigh(0xcd9e8d57, c2);
		const low1 = Math.imul(0xcd9e8d57, c2);
		c0 = (high1 ^ c1 ^ k0) >>> 0;
		c1 = low1 >>> 0;
		c2 = (high0 ^ c3 ^ k1) >>> 0;
		c3 = low0 >>> 0;
		k0 = (k0 + 0x9e3779b9) >>> 0;
		k1 = (k1 + 0xbb67ae85) >>> 0;
	}
	out[0] = c0;
	out[1] = c1;
	out[2] = c2;
	out[3] = c3;
}

/** A sequence of random numbers: stream `stream` of `seed`, sub-sequence `sub`, read in order. */
export class PhiloxGenerator {
	readonly #key: readonly [number, number];
	readonly #sub: number;
	readonly #block = new Uint32Array(4);
	#index = 0;
	#left = 0;

	constructor(seed: number, stream: StreamName, sub = 0) {
		this.#key = [seed >>> 0, STREAMS[stream]];
		this.#sub = sub;
	}

	/** A uniform 32-bit unsigned integer. */
	nextUint32(): number {
		if (this.#left === 0) {
			philox4x32(
				this.#key,
				[
					this.#index >>> 0,
					Math.floor(this.#index / 2 ** 32) >>> 0,
					this.#sub >>> 0,
					Math.floor(this.#sub / 2 ** 32) >>> 0,
				],
				this.#block,
			);
			this.#index++;
			this.#left = 4;
		}
		return this.#block[4 - this.#left--] as number;
	}

	/** Uniform in [0, 1), 24 bits: the same values as `uniform01` of the native side. */
	nextFloat(): number {
		return (this.nextUint32() >>> 8) * 2 ** -24;
	}

	/** Uniform in [low, high). */
	uniform(low: number, high: number): number {
		return low + (high - low) * this.nextFloat();
	}

	/** A uniform integer in [0, bound), by rejection: no modulo bias. */
	nextInteger(bound: number): number {
		const limit = Math.floor(2 ** 32 / bound) * bound;
		for (;;) {
			const word = this.nextUint32();
			if (word < limit) return word % bound;
		}
	}

	/** A standard normal number (Box–Muller). */
	nextNormal(): number {
		const radius = Math.sqrt(-2 * Math.log(1 - this.nextFloat()));
		return radius * Math.cos(2 * Math.PI * this.nextFloat());
	}

	/** The elements in a random order (Fisher–Yates), in place. */
	shuffle<T extends { length: number; [index: number]: number }>(values: T): T {
		for (let i = values.length - 1; i > 0; i--) {
			const j = this.nextInteger(i + 1);
			const value = values[i] as number;
			values[i] = values[j] as number;
			values[j] = value;
		}
		return values;
	}
}

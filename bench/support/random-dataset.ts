import type { Dataset } from 'ganno';

/** Noise with random labels, for timing: what is in the pixels changes no kernel's speed, and no file is needed. */
export function randomDataset(shape: Dataset['shape'], count: number): Dataset {
	const pixels = shape[0] * shape[1] * shape[2];
	let state = 2023;
	const random = (): number => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' generator: good enough for noise
		return state >>> 16;
	};
	const shared = (bytes: number): Uint8Array => new Uint8Array(new SharedArrayBuffer(bytes));
	const indices = (from: number, to: number): Uint32Array => {
		const result = new Uint32Array(new SharedArrayBuffer(4 * (to - from)));
		for (let i = from; i < to; i++) result[i - from] = i;
		return result;
	};
	const images = shared(count * pixels);
	for (let i = 0; i < images.length; i++) images[i] = random() & 255;
	const labels = shared(count);
	for (let i = 0; i < count; i++) labels[i] = random() % 10;
	const eighth = count >> 3;
	return {
		name: 'noise',
		shape,
		classes: 10,
		images,
		labels,
		splits: {
			train: indices(0, count - 2 * eighth),
			validation: indices(count - 2 * eighth, count - eighth),
			test: indices(count - eighth, count),
		},
		mean: Array.from({ length: shape[2] }, () => 0.5),
		standardDeviation: Array.from({ length: shape[2] }, () => 0.29),
	};
}

import type { Dataset } from '../../src/datasets/dataset.js';
import { PhiloxGenerator } from '../../src/philox.js';

/** Images of noise: no structure, so every pixel matters. Half of them train, a quarter validates, a quarter tests. */
export function randomDataset(shape: readonly [number, number, number], classes: number, count = 64): Dataset {
	const generator = new PhiloxGenerator(1, 'task');
	const pixels = shape[0] * shape[1] * shape[2];
	const images = new Uint8Array(new SharedArrayBuffer(count * pixels));
	for (let i = 0; i < images.length; i++) images[i] = generator.nextInteger(256);
	const labels = new Uint8Array(new SharedArrayBuffer(count));
	for (let i = 0; i < count; i++) labels[i] = generator.nextInteger(classes);
	const part = (from: number, to: number) => {
		const indices = new Uint32Array(new SharedArrayBuffer(4 * (to - from)));
		for (let i = from; i < to; i++) indices[i - from] = i;
		return indices;
	};
	return {
		name: 'noise',
		shape,
		classes,
		images,
		labels,
		splits: {
			train: part(0, count / 2),
			validation: part(count / 2, (3 * count) / 4),
			test: part((3 * count) / 4, count),
		},
		mean: Array.from({ length: shape[2] }, (_, c) => 0.4 + 0.05 * c),
		standardDeviation: Array.from({ length: shape[2] }, (_, c) => 0.3 + 0.02 * c),
	};
}

/** One image as a network sees it, in float64. */
export function normalizedImage(dataset: Dataset, index: number): Float64Array {
	const [height, width, channels] = dataset.shape;
	const pixels = height * width * channels;
	return Float64Array.from(
		{ length: pixels },
		(_, i) =>
			(dataset.images[index * pixels + i]! / 255 - dataset.mean[i % channels]!) /
			dataset.standardDeviation[i % channels]!,
	);
}

import { checkInteger } from '../arguments.js';
import type { Dataset } from './dataset.js';
import { indexRange, stratifiedSplit } from './split.js';

/** Labelled images as they come out of the files: the training part, then the test part. */
export interface LabelledImages {
	/** `[count × height × width × channels]`, over a SharedArrayBuffer. */
	readonly images: Uint8Array;
	/** `[count]`, over a SharedArrayBuffer; each below `classes`. */
	readonly labels: Uint8Array;
	readonly shape: readonly [height: number, width: number, channels: number];
	readonly classes: number;
	readonly trainCount: number;
}

/** A Dataset from labelled images: splits, mean and standard deviation. */
export function assembleDataset(
	source: LabelledImages,
	options: {
		readonly name: string;
		readonly validationSize: number;
		readonly seed: number;
		readonly files?: readonly string[];
	},
): Dataset {
	const { images, labels, shape, classes, trainCount } = source;
	const validationSize = checkInteger(options.validationSize, 'validationSize', 1, trainCount - 1);
	const seed = checkInteger(options.seed, 'seed', 0, 0xffffffff);
	const { train, validation } = stratifiedSplit(labels, trainCount, classes, validationSize, seed);
	const test = indexRange(trainCount, labels.length - trainCount);
	return {
		name: options.name,
		shape,
		classes,
		images,
		labels,
		splits: { train, validation, test },
		...channelMoments(images, shape, train),
		...(options.files === undefined ? {} : { files: options.files }),
	};
}

/** Shared memory for a data set's bytes. */
export function sharedBytes(length: number): Uint8Array {
	return new Uint8Array(new SharedArrayBuffer(length));
}

/** Mean and standard deviation of pixel / 255 per channel, exact: from a histogram of the 256 values. */
function channelMoments(
	images: Uint8Array,
	[height, width, channels]: readonly [number, number, number],
	indices: Uint32Array,
): { mean: number[]; standardDeviation: number[] } {
	const histograms = new Float64Array(channels * 256);
	const size = height * width * channels;
	for (const index of indices) {
		const end = (index + 1) * size;
		for (let pixel = index * size; pixel < end; pixel += channels) {
			for (let channel = 0; channel < channels; channel++) {
				const slot = channel * 256 + (images[pixel + channel] as number);
				histograms[slot] = (histograms[slot] as number) + 1;
			}
		}
	}
	const count = indices.length * height * width;
	const mean: number[] = [];
	const standardDeviation: number[] = [];
	for (let channel = 0; channel < channels; channel++) {
		const histogram = histograms.subarray(channel * 256, (channel + 1) * 256);
		const average = histogram.reduce((sum, times, value) => sum + times * value, 0) / count;
		const variance = histogram.reduce((sum, times, value) => sum + times * (value - average) ** 2, 0) / count;
		mean.push(average / 255);
		// One grey level at least: a constant channel must not divide by zero.
		standardDeviation.push(Math.max(Math.sqrt(variance), 1) / 255);
	}
	return { mean, standardDeviation };
}

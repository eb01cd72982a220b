import { createHash } from 'node:crypto';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import type { Dataset } from '../../src/datasets/dataset.js';
import { stratifiedSplit } from '../../src/datasets/split.js';
import { type SyntheticOptions, syntheticDataset } from '../../src/datasets/synthetic.js';
import { GannoError } from '../../src/errors.js';

function classCounts(labels: Uint8Array, indices: Uint32Array, classes: number): number[] {
	const counts = Array.from({ length: classes }, () => 0);
	for (const index of indices) counts[labels[index] as number] = (counts[labels[index] as number] as number) + 1;
	return counts;
}

/** Accuracy of the nearest class mean: what a linear classifier finds at once. */
function nearestMeanAccuracy(dataset: Dataset): number {
	const pixels = dataset.shape[0] * dataset.shape[1] * dataset.shape[2];
	const means = Array.from({ length: dataset.classes }, () => new Float64Array(pixels));
	const counts = classCounts(dataset.labels, dataset.splits.train, dataset.classes);
	for (const index of dataset.splits.train) {
		const label = dataset.labels[index] as number;
		const mean = means[label] as Float64Array;
		for (let k = 0; k < pixels; k++) {
			mean[k] = (mean[k] as number) + (dataset.images[index * pixels + k] as number) / (counts[label] as number);
		}
	}
	let right = 0;
	for (const index of dataset.splits.test) {
		const distances = means.map((mean) =>
			mean.reduce((sum, value, k) => sum + (value - (dataset.images[index * pixels + k] as number)) ** 2, 0),
		);
		if (distances.indexOf(Math.min(...distances)) === dataset.labels[index]) right++;
	}
	return right / dataset.splits.test.length;
}

describe('a stratified split', () => {
	const labels = Uint8Array.from({ length: 1000 }, (_, i) => (i < 500 ? 0 : i < 800 ? 1 : 2));

	test('takes each class in proportion, exactly, and leaves the rest', () => {
		const { train, validation } = stratifiedSplit(labels, 1000, 3, 100, 7);
		expect(classCounts(labels, validation, 3)).toEqual([50, 30, 20]);
		expect(classCounts(labels, train, 3)).toEqual([450, 270, 180]);
		expect([...train, ...validation].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
		expect([...train]).toEqual([...train].sort((a, b) => a - b));
		// Stratified in every prefix.
		expect(classCounts(labels, validation.subarray(0, 10), 3)).toEqual([5, 3, 2]);
		expect(classCounts(labels, validation.subarray(0, 50), 3)).toEqual([25, 15, 10]);
	});

	test('gives left-over images to the largest remainders', () => {
		// Shares 3.5, 2.1, 1.4.
		expect(classCounts(labels, stratifiedSplit(labels, 1000, 3, 7, 0).validation, 3)).toEqual([4, 2, 1]);
	});

	test('is decided by the seed, and never looks past the training part', () => {
		const a = stratifiedSplit(labels, 900, 3, 90, 1);
		expect(stratifiedSplit(labels, 900, 3, 90, 1)).toEqual(a);
		expect(stratifiedSplit(labels, 900, 3, 90, 2).validation).not.toEqual(a.validation);
		expect(Math.max(...a.train, ...a.validation)).toBeLessThan(900);
		expect(a.train.buffer).toBeInstanceOf(SharedArrayBuffer);
	});

	test('stays what it was: files of results depend on it', () => {
		const { validation } = stratifiedSplit(labels, 1000, 3, 6, 0);
		expect([...validation]).toMatchInlineSnapshot(`
			[
			  63,
			  743,
			  494,
			  906,
			  685,
			  480,
			]
		`);
	});
});

describe('the synthetic data set', () => {
	test('has the shape, classes, size and balanced splits that were asked for', () => {
		const dataset = syntheticDataset({ shape: [6, 5, 3], classes: 5, size: 500, seed: 3 });
		expect(dataset.images.length).toBe(500 * 6 * 5 * 3);
		expect(dataset.labels.length).toBe(500);
		expect(classCounts(dataset.labels, dataset.splits.train, 5)).toEqual([60, 60, 60, 60, 60]);
		expect(classCounts(dataset.labels, dataset.splits.validation, 5)).toEqual([20, 20, 20, 20, 20]);
		expect(classCounts(dataset.labels, dataset.splits.test, 5)).toEqual([20, 20, 20, 20, 20]);
		expect(dataset.mean).toHaveLength(3);
		expect(dataset.files).toBeUndefined();
	});

	test('states the mean and standard deviation of its training pixels', () => {
		const dataset = syntheticDataset({ shape: [4, 4, 2], classes: 2, size: 50 });
		for (const channel of [0, 1]) {
			const values: number[] = [];
			for (const index of dataset.splits.train) {
				for (let k = channel; k < 32; k += 2) values.push((dataset.images[index * 32 + k] as number) / 255);
			}
			const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
			const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
			expect(dataset.mean[channel]).toBeCloseTo(mean, 12);
			expect(dataset.standardDeviation[channel]).toBeCloseTo(Math.sqrt(variance), 12);
		}
	});

	test('is the same bytes for the same seed, on every machine', () => {
		const digest = (options: SyntheticOptions) =>
			createHash('sha256').update(syntheticDataset(options).images).digest('hex');
		expect(digest({ seed: 1 })).toBe(digest({ seed: 1 }));
		expect(digest({ seed: 2 })).not.toBe(digest({ seed: 1 }));
		expect(digest({})).toMatchInlineSnapshot(`"b52b0622a5e94b96f4bb90d1bfe4cefc6d8708ff8fbafba3377894e317eb3225"`);
	});

	test('can be learned, and less well with more noise', () => {
		expect(nearestMeanAccuracy(syntheticDataset())).toBeGreaterThan(0.9);
		expect(nearestMeanAccuracy(syntheticDataset({ noise: 1000 }))).toBeLessThan(0.8);
	});

	test('crosses to another thread without a copy', () => {
		const dataset = syntheticDataset();
		const { port1, port2 } = new MessageChannel();
		port1.postMessage(dataset);
		const received = (receiveMessageOnPort(port2) as { message: Dataset }).message;
		port1.close();
		expect(received).toEqual(dataset);
		(dataset.images as Uint8Array)[0] = (dataset.images[0] as number) ^ 1;
		expect(received.images[0]).toBe(dataset.images[0]);
	});

	test.each<[SyntheticOptions, RegExp]>([
		[{ shape: [0, 2, 1] }, /shape\[0\]/],
		[{ classes: 1 }, /classes/],
		[{ size: 7 }, /at least 20|from 20/],
		[{ seed: -1 }, /seed/],
		[{ noise: Number.NaN }, /noise/],
	])('rejects %j', (options, message) => {
		expect(() => syntheticDataset(options)).toThrow(GannoError);
		expect(() => syntheticDataset(options)).toThrow(message);
	});
});

import * as tf from '@tensorflow/tfjs';
import { probeBatch, trainingBatch, trainingSlice } from '#ganno/networks/batch-order.js';
import type { NativePopulationOptions } from '../../binding.d.ts';

/** Which images a network trains on, and when, and as tensors. */
export class Batches {
	readonly #options: NativePopulationOptions;
	readonly #classes: number;

	constructor(options: NativePopulationOptions, classes: number) {
		this.#options = options;
		this.#classes = classes;
	}

	/** Which place of the training split each place of a network's slice is. */
	slice(seed: number): (index: number) => number {
		return trainingSlice(this.#options, seed);
	}

	/**
	 * Numbers of the images of a batch.
	 * @param steps steps the network has taken
	 * @param k which batch of a probe
	 * @param store false: a probe, which draws from an order of its own
	 */
	draw(seed: number, steps: number, k: number, store: boolean): Uint32Array {
		return store ? trainingBatch(this.#options, seed, steps) : probeBatch(this.#options, seed, steps, k);
	}

	/** `[indices, height, width, channels]`, normalised */
	images(indices: Uint32Array): tf.Tensor4D {
		const { input, images, mean, standardDeviation } = this.#options;
		const [height, width, channels] = input as unknown as [number, number, number];
		const pixels = height * width * channels;
		const values = new Float32Array(indices.length * pixels);
		for (const [n, index] of indices.entries()) {
			for (let i = 0; i < pixels; i++) {
				const channel = i % channels;
				values[n * pixels + i] = (images[index * pixels + i]! / 255 - mean[channel]!) / standardDeviation[channel]!;
			}
		}
		return tf.tensor4d(values, [indices.length, height, width, channels]);
	}

	label(index: number): number {
		return this.#options.labels[index]!;
	}

	/** `[indices, classes]`, one-hot */
	labels(indices: Uint32Array): tf.Tensor2D {
		const values = new Float32Array(indices.length * this.#classes);
		for (const [n, index] of indices.entries()) values[n * this.#classes + this.label(index)] = 1;
		return tf.tensor2d(values, [indices.length, this.#classes]);
	}
}

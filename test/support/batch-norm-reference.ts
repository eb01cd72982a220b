import { BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM } from '../../src/networks/layer-fields.js';
import type { BatchNormLayerSpec } from '../../src/networks/spec.js';

/** Means and variances of each batch norm, norm by norm: the order of `NetworkPopulation.runningStatistics`. */
export interface RunningStatistics {
	readonly values: Float64Array;
	/** Where the next norm's begin; 0 before each pass. */
	next: number;
}

/** Batch norm of some images in plain float64, from the formulas of Ioffe & Szegedy 2015. */
export class BatchNormReference {
	readonly #epsilon: number;
	readonly #momentum: number;
	readonly #normalized: Float64Array[] = [];
	readonly #deviations: Float64Array;

	/** @param offset of the scale in `parameters`; the shift follows it */
	constructor(
		layer: BatchNormLayerSpec,
		readonly channels: number,
		readonly parameters: Float64Array,
		readonly offset: number,
	) {
		this.#epsilon = layer.epsilon ?? BATCH_NORM_EPSILON;
		this.#momentum = layer.momentum ?? BATCH_NORM_MOMENTUM;
		this.#deviations = new Float64Array(channels);
	}

	forward(inputs: readonly Float64Array[], running: RunningStatistics | undefined, training: boolean): Float64Array[] {
		const { channels } = this;
		const count = (inputs.length * inputs[0]!.length) / channels;
		const means = new Float64Array(channels);
		const variances = new Float64Array(channels);
		for (const input of inputs) for (const [i, x] of input.entries()) means[i % channels]! += x / count;
		for (const input of inputs) {
			for (const [i, x] of input.entries()) variances[i % channels]! += (x - means[i % channels]!) ** 2 / count;
		}
		if (running !== undefined) {
			const at = running.next;
			running.next += 2 * channels;
			for (let c = 0; c < channels; c++) {
				if (training) {
					const unbiased = (variances[c]! * count) / Math.max(count - 1, 1);
					running.values[at + c]! += this.#momentum * (means[c]! - running.values[at + c]!);
					running.values[at + channels + c]! += this.#momentum * (unbiased - running.values[at + channels + c]!);
				} else {
					means[c] = running.values[at + c]!;
					variances[c] = running.values[at + channels + c]!;
				}
			}
		}
		for (let c = 0; c < channels; c++) this.#deviations[c] = Math.sqrt(variances[c]! + this.#epsilon);
		return inputs.map((input) => {
			const normalized = input.map((x, i) => (x - means[i % channels]!) / this.#deviations[i % channels]!);
			this.#normalized.push(normalized);
			return normalized.map(
				(x, i) =>
					x * this.parameters[this.offset + (i % channels)]! +
					this.parameters[this.offset + channels + (i % channels)]!,
			);
		});
	}

	/** Gradients of the inputs, where the batch's own statistics were used; adds the scale's and shift's to `gradient`. */
	backward(outputGradients: readonly Float64Array[], gradient: Float64Array): Float64Array[] {
		const { channels, offset } = this;
		const count = (outputGradients.length * outputGradients[0]!.length) / channels;
		const sums = new Float64Array(channels);
		const products = new Float64Array(channels);
		for (const [n, values] of outputGradients.entries()) {
			for (const [i, g] of values.entries()) {
				sums[i % channels]! += g;
				products[i % channels]! += g * this.#normalized[n]![i]!;
			}
		}
		for (let c = 0; c < channels; c++) {
			gradient[offset + c]! += products[c]!;
			gradient[offset + channels + c]! += sums[c]!;
		}
		return outputGradients.map((values, n) =>
			values.map((g, i) => {
				const c = i % channels;
				const scale = this.parameters[offset + c]!;
				const x = this.#normalized[n]![i]!;
				return (scale / this.#deviations[c]!) * (g - sums[c]! / count - (x * products[c]!) / count);
			}),
		);
	}
}

import * as tf from '@tensorflow/tfjs';
import { GannoError, inferShapes, type LayerSpec, type NetworkSpec, type Shape } from 'ganno';
import { poolStride } from '#ganno/networks/shapes.js';

/** A child network in tfjs operations. */

/** Factors of a dropout layer: `[images × elements]`; position is the layer's in the specification. */
export type DropoutSource = (rate: number, position: number, images: number, elements: number) => Float32Array;

type Weighted = Extract<LayerSpec, { type: 'dense' | 'conv' }>;

export class TfjsNetwork {
	/** Shapes of the parameters, layer by layer: weights, then bias. */
	readonly parameterShapes: readonly (readonly number[])[];
	readonly #spec: NetworkSpec;
	readonly #outputs: readonly Shape[];

	constructor(spec: NetworkSpec) {
		const { outputs, layers, operations } = inferShapes(spec);
		if (operations.some(({ layer }) => layer.type === 'batch-norm' || layer.type === 'add')) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				'A population in tfjs operations takes no batch norm and no residual blocks; use a NetworkPopulation for this spec',
			);
		}
		this.#spec = spec;
		this.#outputs = outputs;
		this.parameterShapes = layers.flatMap(({ weightShape, biasShape }) => [weightShape, biasShape]);
	}

	/**
	 * @param images `[images, height, width, channels]`, normalised
	 * @param dropout undefined: off
	 * @returns `[images, classes]`; to be called inside a tidy
	 */
	logits(images: tf.Tensor4D, parameters: readonly tf.Tensor[], dropout?: DropoutSource): tf.Tensor2D {
		const count = images.shape[0];
		let x: tf.Tensor = images;
		let next = 0;
		for (const [position, layer] of this.#spec.layers.entries()) {
			switch (layer.type) {
				case 'dense': {
					const [weights, bias] = [parameters[next++] as tf.Tensor2D, parameters[next++] as tf.Tensor1D];
					const flat = x.rank === 2 ? (x as tf.Tensor2D) : x.reshape<tf.Tensor2D>([count, -1]);
					x = activate(layer, tf.fused.matMul({ a: flat, b: weights, bias, activation: fusable(layer) }));
					break;
				}
				case 'conv': {
					const [filter, bias] = [parameters[next++] as tf.Tensor4D, parameters[next++] as tf.Tensor1D];
					const { stride: strides = 1, padding: pad = 'same' } = layer;
					const activation = fusable(layer);
					x = activate(layer, tf.fused.conv2d({ x: x as tf.Tensor4D, filter, strides, pad, bias, activation }));
					break;
				}
				case 'max-pool':
					x = tf.maxPool(x as tf.Tensor4D, layer.size, poolStride(layer), layer.padding ?? 'valid');
					break;
				case 'average-pool':
					x = averagePool(x as tf.Tensor4D, layer.size, poolStride(layer), layer.padding ?? 'valid');
					break;
				case 'global-average-pool':
					x = tf.mean(x, [1, 2], true);
					break;
				case 'batch-norm':
				case 'residual':
					break; // refused by the constructor
				case 'dropout': {
					if (dropout === undefined || layer.rate === 0) break;
					const [height, width, channels] = position === 0 ? this.#spec.input : (this.#outputs[position - 1] as Shape);
					const factors = dropout(layer.rate, position, count, height * width * channels);
					x = x.mul(tf.tensor(factors, x.shape));
					break;
				}
			}
		}
		return x as tf.Tensor2D;
	}
}

/** What tfjs fuses into a product, gradient included. */
function fusable(layer: Weighted): 'relu' | 'linear' {
	return layer.activation === 'relu' ? 'relu' : 'linear';
}

function activate(layer: Weighted, x: tf.Tensor): tf.Tensor {
	return layer.activation === 'tanh' ? tf.tanh(x) : x;
}

/**
 * tfjs's own gradient of average pooling divides by the whole window even where the forward pass did not count its padding. Padding with
 * zeros, pooling without and putting right what the edges were divided by has the gradient of what it computes.
 */
function averagePool(x: tf.Tensor4D, size: number, stride: number, padding: 'same' | 'valid'): tf.Tensor4D {
	if (padding === 'valid') return tf.avgPool(x, size, stride, 'valid');
	const [, height, width] = x.shape;
	const rows = edge(height, size, stride);
	const columns = edge(width, size, stride);
	const padded = tf.pad(x, [[0, 0], rows.padding, columns.padding, [0, 0]]);
	const corrections = rows.counts.flatMap((row) => columns.counts.map((column) => (size * size) / (row * column)));
	const correction = tf.tensor4d(corrections, [1, rows.counts.length, columns.counts.length, 1]);
	return tf.avgPool(padded, size, stride, 'valid').mul(correction);
}

/** TensorFlow's SAME along one edge: padding before and after, and how many real pixels each window has. */
function edge(length: number, size: number, stride: number): { padding: [number, number]; counts: number[] } {
	const outputs = Math.ceil(length / stride);
	const total = Math.max((outputs - 1) * stride + size - length, 0);
	const before = Math.floor(total / 2);
	const counts = Array.from({ length: outputs }, (_, i) => {
		const first = i * stride - before;
		return Math.min(first + size, length) - Math.max(first, 0);
	});
	return { padding: [before, total - before], counts };
}

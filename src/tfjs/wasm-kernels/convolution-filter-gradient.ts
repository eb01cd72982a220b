import * as tf from '@tensorflow/tfjs';
import { GannoError } from '../../errors.js';
import type { WasmKernel } from './heap-kernel.js';

/** Attributes of Conv2DBackpropFilter as tfjs's gradients call it. */
interface FilterGradientAttributes {
	readonly strides: number | [number, number];
	readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
	readonly dataFormat: 'NHWC' | 'NCHW';
	readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
	readonly filterShape: [number, number, number, number];
}

/**
 * dW[i, j, ci, co] = Σ over images n and outputs (y, x) of padded x[n, s y + i, s x + j, ci] · dy[n, y, x, co]: a convolution again, of
 * the padded input with channels for images, by the output gradient as its filter, dilated by the stride.
 */
function filterGradient(x: tf.Tensor4D, dy: tf.Tensor4D, attributes: FilterGradientAttributes): tf.Tensor4D {
	const { strides, pad, dimRoundingMode, filterShape } = attributes;
	const { padInfo, strideHeight, strideWidth } = tf.backend_util.computeConv2DInfo(
		x.shape,
		filterShape,
		strides,
		1,
		pad,
		dimRoundingMode,
		false,
	);
	const [height, width, channels, filters] = filterShape;
	const { top, bottom, left, right } = padInfo;
	const images = tf.pad(tf.transpose(x, [3, 1, 2, 0]), [
		[0, 0],
		[top, bottom],
		[left, right],
		[0, 0],
	]);
	const filter = tf.transpose<tf.Tensor4D>(dy, [1, 2, 0, 3]);
	const whole = tf.conv2d(images as tf.Tensor4D, filter, 1, 'valid', 'NHWC', [strideHeight, strideWidth]);
	// Rows and columns that no window reached are left over at the end.
	const used = tf.slice(whole, [0, 0, 0, 0], [channels, height, width, filters]);
	return tf.transpose(used, [1, 2, 0, 3]);
}

/** Made of operations that tfjs 4.22's wasm back end has; itself it has no such kernel (tfjs issue 8474). */
export const conv2dFilterGradient: WasmKernel = {
	kernelName: 'Conv2DBackpropFilter',
	kernelFunc: ({ inputs, attrs }) => {
		const { x, dy } = inputs as unknown as { x: tf.Tensor4D; dy: tf.Tensor4D };
		const attributes = attrs as unknown as FilterGradientAttributes;
		if (attributes.dataFormat === 'NCHW') {
			throw new GannoError(
				'INVALID_ARGUMENT',
				"Conv2DBackpropFilter on wasm: only the data format 'NHWC' (channelsLast) is there, as for all its convolutions",
			);
		}
		return tf.tidy(() => filterGradient(x, dy, attributes));
	},
};

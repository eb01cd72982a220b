import * as tf from '@tensorflow/tfjs';

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

/**
 * Adds what tfjs 4.22's WebAssembly back end lacks to train convolutions: the kernel `Conv2DBackpropFilter` (tfjs issue 8474), made of
 * operations that it has. Does nothing where there is one already.
 * @returns the kernels that were added
 */
export function registerWasmTrainingKernels(): readonly string[] {
	if (tf.getKernel('Conv2DBackpropFilter', 'wasm') !== undefined) return [];
	tf.registerKernel({
		kernelName: 'Conv2DBackpropFilter',
		backendName: 'wasm',
		kernelFunc: ({ inputs, attrs }) => {
			const { x, dy } = inputs as unknown as { x: tf.Tensor4D; dy: tf.Tensor4D };
			const attributes = attrs as unknown as FilterGradientAttributes;
			if (attributes.dataFormat === 'NCHW') {
				throw new Error(
					"Conv2DBackpropFilter on wasm: only the data format 'NHWC' is there, as for all its convolutions",
				);
			}
			return tf.tidy(() => filterGradient(x, dy, attributes));
		},
	});
	return ['Conv2DBackpropFilter'];
}

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

const REPAIRED = Symbol.for('ganno.tfjs.repaired');

/**
 * tfjs 4.22's MaxPoolGrad starts its search for a window's maximum at the smallest positive float: it finds none where all of a window is
 * negative, and the gradient is lost. Adding a constant moves no maximum, so inputs with negative values are lifted above zero.
 */
function repairMaxPoolGradient(): boolean {
	const original = tf.getKernel('MaxPoolGrad', 'wasm') as (tf.KernelConfig & { [REPAIRED]?: true }) | undefined;
	if (original === undefined || original[REPAIRED] === true) return false;
	tf.unregisterKernel('MaxPoolGrad', 'wasm');
	const repaired: tf.KernelConfig & { [REPAIRED]?: true } = {
		...original,
		[REPAIRED]: true,
		kernelFunc: (call) => {
			const input = call.inputs.input as tf.Tensor;
			return tf.tidy(() => {
				const least = tf.min(input).dataSync<'float32'>()[0] as number;
				if (!(least < 0)) return original.kernelFunc(call) as tf.Tensor;
				const lifted = tf.add(input, -2 * least); // at least |least|, and no coarser than the input
				return original.kernelFunc({ ...call, inputs: { ...call.inputs, input: lifted } }) as tf.Tensor;
			});
		},
	};
	tf.registerKernel(repaired);
	return true;
}

/**
 * Makes tfjs 4.22's WebAssembly back end able to train convolutional networks: adds the kernel `Conv2DBackpropFilter`, which it lacks (tfjs
 * issue 8474), made of operations that it has, and repairs `MaxPoolGrad`, which loses gradients of windows that are negative
 * throughout. Calling it again does nothing.
 * @returns the kernels that were added or repaired
 */
export function registerWasmTrainingKernels(): readonly string[] {
	const changed: string[] = [];
	if (tf.getKernel('Conv2DBackpropFilter', 'wasm') === undefined) {
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
		changed.push('Conv2DBackpropFilter');
	}
	if (repairMaxPoolGradient()) changed.push('MaxPoolGrad');
	return changed;
}

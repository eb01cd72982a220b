import * as tf from '@tensorflow/tfjs';
import { type HeapArray, heapKernel, type WasmKernel } from './heap-kernel.js';
import { forEachTap, type SlidingWindow, window2d, window3d } from './sliding-window.js';

/**
 * Gradients of depthwise convolutions, which tfjs 4.22's wasm back end does not have, and of those in three dimensions, whose kernels there give
 * wrong results without a word. For every tap of every window: x[c] meets dy[d] in filter[tap, c, d].
 */

type Shape4 = [number, number, number, number];
type Shape5 = [number, number, number, number, number];

interface DepthwiseAttributes {
	readonly strides: number | [number, number];
	readonly dilations: number | [number, number];
	readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
	readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

function depthwiseWindow(
	x: readonly number[],
	filter: readonly number[],
	attributes: DepthwiseAttributes,
): SlidingWindow {
	const { strides, dilations, pad, dimRoundingMode } = attributes;
	return window2d(
		tf.backend_util.computeConv2DInfo(x as Shape4, filter as Shape4, strides, dilations, pad, dimRoundingMode, true),
	);
}

interface Conv3dAttributes {
	readonly strides: number | [number, number, number];
	readonly pad: 'valid' | 'same';
}

function conv3dWindow(
	x: readonly number[],
	filter: readonly number[],
	{ strides, pad }: Conv3dAttributes,
): SlidingWindow {
	return window3d(tf.backend_util.computeConv3DInfo(x as Shape5, filter as Shape5, strides, 1, pad));
}

/** Channels of the output that one of the input reaches, and the step from those of one input channel to those of the next. */
interface Reach {
	readonly width: number;
	readonly step: number;
	readonly outputs: number;
}

/** Channel c reaches the `width` outputs from c × width on. */
function depthwise(channels: number, width: number): Reach {
	return { width, step: width, outputs: channels * width };
}

/** Every channel reaches all outputs. */
function dense(outputs: number): Reach {
	return { width: outputs, step: 0, outputs };
}

function addInputGradient(window: SlidingWindow, reach: Reach, dy: HeapArray, filter: HeapArray, dx: HeapArray): void {
	const { channels } = window;
	const { width, step, outputs } = reach;
	forEachTap(window, (input, output, tap) => {
		for (let c = 0; c < channels; c++) {
			const from = output * outputs + c * step;
			const weights = (tap * channels + c) * width;
			let sum = 0;
			for (let d = 0; d < width; d++) sum += (dy[from + d] as number) * (filter[weights + d] as number);
			const to = input * channels + c;
			dx[to] = (dx[to] as number) + sum;
		}
	});
}

function filterGradient(window: SlidingWindow, reach: Reach, x: HeapArray, dy: HeapArray, dw: HeapArray): void {
	const { channels } = window;
	const { width, step, outputs } = reach;
	const sums = new Float64Array(dw.length); // of as many terms as there are output pixels in the batch
	forEachTap(window, (input, output, tap) => {
		for (let c = 0; c < channels; c++) {
			const value = x[input * channels + c] as number;
			const from = output * outputs + c * step;
			const to = (tap * channels + c) * width;
			for (let d = 0; d < width; d++) sums[to + d] = (sums[to + d] as number) + value * (dy[from + d] as number);
		}
	});
	dw.set(sums);
}

const depthwiseInputGradient = heapKernel<'dy' | 'filter', DepthwiseAttributes & { readonly inputShape: Shape4 }>({
	kernelName: 'DepthwiseConv2dNativeBackpropInput',
	outputs: (_, { inputShape }) => [{ shape: inputShape, dtype: 'float32' }],
	run: (arrays, [dx], { filter }, attributes) => {
		const window = depthwiseWindow(attributes.inputShape, filter.shape, attributes);
		const reach = depthwise(window.channels, filter.shape[3] as number);
		addInputGradient(window, reach, arrays.dy, arrays.filter, dx as HeapArray);
	},
});

const depthwiseFilterGradient = heapKernel<'x' | 'dy', DepthwiseAttributes & { readonly filterShape: Shape4 }>({
	kernelName: 'DepthwiseConv2dNativeBackpropFilter',
	outputs: (_, { filterShape }) => [{ shape: filterShape, dtype: 'float32' }],
	run: (arrays, [dw], { x }, attributes) => {
		const window = depthwiseWindow(x.shape, attributes.filterShape, attributes);
		filterGradient(window, depthwise(window.channels, attributes.filterShape[3]), arrays.x, arrays.dy, dw as HeapArray);
	},
});

const conv3dInputGradient = heapKernel<'dy' | 'filter', Conv3dAttributes & { readonly inputShape: Shape5 }>({
	kernelName: 'Conv3DBackpropInputV2',
	outputs: (_, { inputShape }) => [{ shape: inputShape, dtype: 'float32' }],
	run: (arrays, [dx], { filter }, attributes) => {
		const window = conv3dWindow(attributes.inputShape, filter.shape, attributes);
		addInputGradient(window, dense(filter.shape[4] as number), arrays.dy, arrays.filter, dx as HeapArray);
	},
});

const conv3dFilterGradient = heapKernel<'x' | 'dy', Conv3dAttributes & { readonly filterShape: Shape5 }>({
	kernelName: 'Conv3DBackpropFilterV2',
	outputs: (_, { filterShape }) => [{ shape: filterShape, dtype: 'float32' }],
	run: (arrays, [dw], { x }, attributes) => {
		const window = conv3dWindow(x.shape, attributes.filterShape, attributes);
		filterGradient(window, dense(attributes.filterShape[4]), arrays.x, arrays.dy, dw as HeapArray);
	},
});

export const depthwiseGradientKernels: readonly WasmKernel[] = [depthwiseFilterGradient, depthwiseInputGradient];

export const conv3dGradientKernels: readonly WasmKernel[] = [conv3dFilterGradient, conv3dInputGradient];

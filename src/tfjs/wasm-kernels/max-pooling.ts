import * as tf from '@tensorflow/tfjs';
import { type HeapArray, heapKernel, type WasmKernel } from './heap-kernel.js';
import { forEachTap, type SlidingWindow, window2d, window3d } from './sliding-window.js';

/**
 * Max pooling. tfjs 4.22's kernels (all but the forward pass in two dimensions, which is XNNPACK's) start their search for a window's maximum
 * at the smallest positive float, so that a window without a positive value has none; MaxPool3DGrad also mistakes where windows lie.
 */

interface PoolAttributes {
	readonly filterSize: [number, number] | number;
	readonly strides: [number, number] | number;
	readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
	readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

interface Pool3dAttributes {
	readonly filterSize: [number, number, number] | number;
	readonly strides: [number, number, number] | number;
	readonly pad: 'valid' | 'same' | number;
	readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

function pool2d(input: tf.TensorInfo, { filterSize, strides, pad, dimRoundingMode }: PoolAttributes) {
	const shape = input.shape as [number, number, number, number];
	return tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad as 'same', dimRoundingMode);
}

function pool3d(input: tf.TensorInfo, { filterSize, strides, pad, dimRoundingMode }: Pool3dAttributes) {
	const shape = input.shape as [number, number, number, number, number];
	return tf.backend_util.computePool3DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
}

/**
 * Where each output has its maximum in `x`, or -1: of a window that holds nothing but NaN, or but -Infinity. As tfjs's cpu back end decides
 * it: NaN never counts, and of equal values it is the first, in three dimensions the last (which may be -Infinity).
 */
function maximumPlaces(x: HeapArray, window: SlidingWindow, ties: 'first' | 'last'): Int32Array {
	const { channels, images, output } = window;
	const size = images * output[0] * output[1] * output[2] * channels;
	const places = new Int32Array(size).fill(-1);
	const maxima = new Float32Array(size).fill(Number.NEGATIVE_INFINITY);
	const last = ties === 'last';
	forEachTap(window, (inputPixel, outputPixel) => {
		let from = inputPixel * channels;
		let to = outputPixel * channels;
		for (const end = to + channels; to < end; from++, to++) {
			const value = x[from] as number;
			const maximum = maxima[to] as number;
			if (value > maximum || (last && value === maximum)) {
				maxima[to] = value;
				places[to] = from;
			}
		}
	});
	return places;
}

/** Each output's gradient goes to where its maximum came from; summed in float64, as on the cpu back end. */
function scatter(dy: HeapArray, places: Int32Array, dx: HeapArray): void {
	const sums = new Float64Array(dx.length);
	for (let i = 0; i < places.length; i++) {
		const place = places[i] as number;
		if (place >= 0) sums[place] = (sums[place] as number) + (dy[i] as number);
	}
	dx.set(sums);
}

function gather(x: HeapArray, places: Int32Array, pooled: HeapArray): void {
	for (let i = 0; i < places.length; i++) {
		const place = places[i] as number;
		pooled[i] = place < 0 ? Number.NEGATIVE_INFINITY : (x[place] as number);
	}
}

const maxPoolGradient = heapKernel<'dy' | 'input', PoolAttributes>({
	kernelName: 'MaxPoolGrad',
	outputs: ({ input }) => [{ shape: input.shape, dtype: 'float32' }],
	run: (arrays, [dx], { input }, attributes) => {
		scatter(arrays.dy, maximumPlaces(arrays.input, window2d(pool2d(input, attributes)), 'first'), dx as HeapArray);
	},
});

const maxPool3d = heapKernel<'x', Pool3dAttributes>({
	kernelName: 'MaxPool3D',
	outputs: ({ x }, attributes) => [{ shape: pool3d(x, attributes).outShape, dtype: 'float32' }],
	run: (arrays, [pooled], { x }, attributes) => {
		gather(arrays.x, maximumPlaces(arrays.x, window3d(pool3d(x, attributes)), 'first'), pooled as HeapArray);
	},
});

const maxPool3dGradient = heapKernel<'dy' | 'input', Pool3dAttributes>({
	kernelName: 'MaxPool3DGrad',
	outputs: ({ input }) => [{ shape: input.shape, dtype: 'float32' }],
	run: (arrays, [dx], { input }, attributes) => {
		scatter(arrays.dy, maximumPlaces(arrays.input, window3d(pool3d(input, attributes)), 'last'), dx as HeapArray);
	},
});

const maxPoolWithArgmax = heapKernel<'x', PoolAttributes & { readonly includeBatchInIndex: boolean }>({
	kernelName: 'MaxPoolWithArgmax',
	outputs: ({ x }, attributes) => {
		const shape = pool2d(x, attributes).outShape;
		return [
			{ shape, dtype: 'float32' },
			{ shape, dtype: 'int32' },
		];
	},
	run: (arrays, [pooled, indices], { x }, attributes) => {
		const places = maximumPlaces(arrays.x, window2d(pool2d(x, attributes)), 'first');
		gather(arrays.x, places, pooled as HeapArray);
		const image = attributes.includeBatchInIndex ? Number.MAX_SAFE_INTEGER : tf.util.sizeFromShape(x.shape.slice(1));
		(indices as HeapArray).set(places.map((place) => place % image));
	},
});

export const maxPoolingKernels: readonly WasmKernel[] = [
	maxPoolGradient,
	maxPool3d,
	maxPool3dGradient,
	maxPoolWithArgmax,
];

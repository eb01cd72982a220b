import type * as tf from '@tensorflow/tfjs';

type Extent = readonly [depth: number, height: number, width: number];

/** Where the windows of a convolution or a pooling lie, over `[images × depth × height × width]` pixels; in two dimensions the depth is 1. */
export interface SlidingWindow {
	readonly images: number;
	/** Numbers a pixel of the input has. */
	readonly channels: number;
	readonly input: Extent;
	readonly output: Extent;
	readonly size: Extent;
	readonly stride: Extent;
	readonly dilation: Extent;
	/** Pixels of padding before the first. */
	readonly padding: Extent;
}

export function window2d(info: tf.backend_util.Conv2DInfo): SlidingWindow {
	return {
		images: info.batchSize,
		channels: info.inChannels,
		input: [1, info.inHeight, info.inWidth],
		output: [1, info.outHeight, info.outWidth],
		size: [1, info.filterHeight, info.filterWidth],
		stride: [1, info.strideHeight, info.strideWidth],
		dilation: [1, info.dilationHeight, info.dilationWidth],
		padding: [0, info.padInfo.top, info.padInfo.left],
	};
}

export function window3d(info: tf.backend_util.Conv3DInfo): SlidingWindow {
	return {
		images: info.batchSize,
		channels: info.inChannels,
		input: [info.inDepth, info.inHeight, info.inWidth],
		output: [info.outDepth, info.outHeight, info.outWidth],
		size: [info.filterDepth, info.filterHeight, info.filterWidth],
		stride: [info.strideDepth, info.strideHeight, info.strideWidth],
		dilation: [info.dilationDepth, info.dilationHeight, info.dilationWidth],
		padding: [info.padInfo.front, info.padInfo.top, info.padInfo.left],
	};
}

/**
 * Visits every pair of an output pixel and a pixel of its window that is not padding: output pixels in order, and row by row within a window.
 * @param visit called with the places of the input pixel, of the output pixel and within the window, once for all channels
 */
export function forEachTap(window: SlidingWindow, visit: (input: number, output: number, tap: number) => void): void {
	const { images, size, stride, dilation, padding } = window;
	const [depth, height, width] = window.input;
	const [outputDepth, outputHeight, outputWidth] = window.output;
	let output = 0;
	for (let image = 0; image < images; image++) {
		for (let z = 0; z < outputDepth; z++) {
			for (let y = 0; y < outputHeight; y++) {
				for (let x = 0; x < outputWidth; x++, output++) {
					for (let i = 0; i < size[0]; i++) {
						const plane = z * stride[0] - padding[0] + i * dilation[0];
						if (plane < 0 || plane >= depth) continue;
						for (let j = 0; j < size[1]; j++) {
							const row = y * stride[1] - padding[1] + j * dilation[1];
							if (row < 0 || row >= height) continue;
							const start = ((image * depth + plane) * height + row) * width;
							const tap = (i * size[1] + j) * size[2];
							for (let k = 0; k < size[2]; k++) {
								const column = x * stride[2] - padding[2] + k * dilation[2];
								if (column >= 0 && column < width) visit(start + column, output, tap + k);
							}
						}
					}
				}
			}
		}
	}
}

import * as tf from '@tensorflow/tfjs';

interface ConvolutionAttributes {
	readonly strides: number | [number, number];
	readonly dilations?: number | [number, number];
	readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
	readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/** The convolutions that go to XNNPACK, and whether they are depthwise. */
export const NARROW_FILTER_KERNELS: readonly (readonly [name: string, depthwise: boolean])[] = [
	['Conv2D', false],
	['FusedConv2D', false],
	['DepthwiseConv2dNative', true],
	['FusedDepthwiseConv2D', true],
];

/**
 * XNNPACK's own 'same' padding goes wrong where strides step over pixels at the end (a filter narrower than its stride: the padding is then
 * negative, and outputs come out as zeros or worse). The same padding, given as numbers, does not.
 */
export function withNarrowFilters(original: tf.KernelConfig, depthwise: boolean): tf.KernelFunc {
	return (call) => {
		const { x, filter } = call.inputs as Readonly<Record<'x' | 'filter', tf.TensorInfo>>;
		const { strides, dilations, pad, dimRoundingMode } = call.attrs as unknown as ConvolutionAttributes;
		if (pad !== 'same') return original.kernelFunc(call);
		const info = tf.backend_util.computeConv2DInfo(
			x.shape as [number, number, number, number],
			filter.shape as [number, number, number, number],
			strides,
			dilations ?? 1,
			pad,
			dimRoundingMode,
			depthwise,
		);
		const skips =
			(info.outHeight - 1) * info.strideHeight + info.effectiveFilterHeight < info.inHeight ||
			(info.outWidth - 1) * info.strideWidth + info.effectiveFilterWidth < info.inWidth;
		if (!skips) return original.kernelFunc(call);
		const { top, bottom, left, right } = info.padInfo;
		const explicit: tf.backend_util.ExplicitPadding = [
			[0, 0],
			[top, bottom],
			[left, right],
			[0, 0],
		];
		return original.kernelFunc({ ...call, attrs: { ...call.attrs, pad: explicit } as unknown as tf.NamedAttrMap });
	};
}

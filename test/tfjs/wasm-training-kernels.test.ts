import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { GannoError } from '../../src/errors.js';
import { LayerwiseTfOptimizer } from '../../src/tfjs/layerwise-tf-optimizer.js';
import { registerWasmTrainingKernels } from '../../src/tfjs/wasm-kernels/register-wasm-kernels.js';
import { useBackend } from '../support/tfjs-models.js';

/** Input edge, kernel, stride, padding. */
type Case = [
	height: number,
	width: number,
	kernel: [number, number],
	stride: [number, number],
	pad: 'same' | 'valid' | number,
];

const CASES: Case[] = [
	[7, 7, [3, 3], [1, 1], 'same'],
	[7, 6, [3, 3], [1, 1], 'valid'],
	[8, 9, [5, 5], [1, 1], 'same'],
	[8, 9, [5, 3], [2, 1], 'valid'],
	[9, 8, [3, 3], [2, 2], 'same'],
	[8, 8, [2, 2], [2, 2], 'same'],
	[10, 7, [3, 3], [3, 2], 'valid'],
	[6, 6, [1, 1], [1, 1], 'same'],
	[7, 8, [1, 1], [2, 2], 'valid'],
	[6, 7, [3, 3], [2, 2], 1],
	[5, 5, [5, 5], [1, 1], 'valid'],
];

async function gradients(backend: 'cpu' | 'wasm', [height, width, kernel, stride, pad]: Case): Promise<number[]> {
	await useBackend(backend);
	return tf.tidy(() => {
		const x = tf.randomNormal<tf.Rank.R4>([2, height, width, 3], 0, 1, 'float32', 1);
		const filter = tf.randomNormal<tf.Rank.R4>([...kernel, 3, 4], 0, 1, 'float32', 2);
		const loss = (w: tf.Tensor) =>
			tf
				.conv2d(x, w as tf.Tensor4D, stride, pad)
				.square()
				.sum()
				.mul(0.01) as tf.Scalar;
		return [...tf.grad(loss)(filter).dataSync()];
	});
}

describe('convolutional training on wasm', () => {
	beforeAll(() => useBackend('wasm'));

	it.each([
		['embeddings', 'UnsortedSegmentSum', () => tf.layers.embedding({ inputDim: 4, outputDim: 2, inputLength: 3 })],
		[
			'depthwise and separable convolutions',
			'DepthwiseConv2dNativeBackpropFilter',
			() => tf.layers.depthwiseConv2d({ kernelSize: 1, inputShape: [2, 2, 1] }),
		],
		[
			'convolutions',
			'Conv2DBackpropFilter',
			() => tf.layers.conv2d({ filters: 1, kernelSize: 2, inputShape: [2, 2, 1] }),
		],
	])('is told where it is missing: %s', async (layers, kernel, make) => {
		const model = tf.sequential({ layers: [make(), tf.layers.flatten(), tf.layers.dense({ units: 1 })] });
		model.compile({ optimizer: new LayerwiseTfOptimizer({ algorithm: 'sgd' }), loss: 'meanSquaredError' });
		const xs = tf.ones([1, ...((model.inputs[0] as tf.SymbolicTensor).shape.slice(1) as number[])]);
		const error: unknown = await model.fit(xs, tf.ones([1, 1]), { verbose: 0 }).catch((reason: unknown) => reason);
		expect(error).toBeInstanceOf(GannoError);
		expect(error).toMatchObject({
			code: 'MISSING_DEPENDENCY',
			message: expect.stringContaining(`no kernel '${kernel}', which training ${layers} needs. Call registerWasm`),
		});
	});

	it('is missing until it is asked for, and added once', () => {
		expect(tf.getKernel('Conv2DBackpropFilter', 'wasm')).toBeUndefined();
		expect(registerWasmTrainingKernels()).toEqual([
			'Conv2DBackpropFilter',
			'DepthwiseConv2dNativeBackpropFilter',
			'DepthwiseConv2dNativeBackpropInput',
			'UnsortedSegmentSum',
			'MaxPoolGrad',
			'MaxPool3D',
			'MaxPool3DGrad',
			'MaxPoolWithArgmax',
			'Conv3DBackpropFilterV2',
			'Conv3DBackpropInputV2',
			'Conv2D',
			'FusedConv2D',
			'DepthwiseConv2dNative',
			'FusedDepthwiseConv2D',
		]);
		expect(registerWasmTrainingKernels()).toEqual([]);
	});

	it.each(CASES)('agrees with the cpu back end: %s × %s, kernel %s, stride %s, %s', async (...values) => {
		const expected = await gradients('cpu', values);
		const actual = await gradients('wasm', values);
		const scale = Math.max(...expected.map(Math.abs));
		expect(actual).toHaveLength(expected.length);
		for (const [i, value] of actual.entries()) expect(Math.abs(value - expected[i]!)).toBeLessThan(2e-6 * scale);
	});

	it.each(['valid', 'same'] as const)('with a gradient of max pooling that negative windows keep: %s', async (pad) => {
		const gradient = async (backend: 'cpu' | 'wasm', shift: number): Promise<number[]> => {
			await useBackend(backend);
			return tf.tidy(() => {
				const x = tf.randomNormal<tf.Rank.R4>([2, 7, 6, 3], shift, 1, 'float32', 4);
				return [
					...tf
						.grad((v) =>
							tf
								.maxPool(v as tf.Tensor4D, 3, 2, pad)
								.square()
								.sum(),
						)(x)
						.dataSync(),
				];
			});
		};
		for (const shift of [0, -5, 5]) {
			const [expected, actual] = [await gradient('cpu', shift), await gradient('wasm', shift)];
			for (const [i, value] of actual.entries()) expect(value).toBeCloseTo(expected[i]!, 4);
			expect(actual.some((value) => value !== 0)).toBe(true);
		}
	});

	it('names a kernel that stays missing, and the back ends that have it', async () => {
		await useBackend('wasm');
		const x = tf.variable(tf.ones([4]));
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'sgd' });
		const loss = () => tf.real(tf.complex(x, x)).sum() as tf.Scalar;
		expect(() => optimizer.minimize(loss)).toThrow(
			/back end 'wasm' has no kernel 'Complex', .*tf\.setBackend\('cpu'\), or the package @tensorflow\/tfjs-node/,
		);
		expect(() =>
			optimizer.minimize(() => {
				throw new Error('of the user');
			}),
		).toThrow('of the user');
		x.dispose();
	});

	it('leaves no tensor behind', async () => {
		await useBackend('wasm');
		const before = tf.memory().numTensors;
		await gradients('wasm', CASES[0]!);
		tf.tidy(() => {
			tf.grad((x) => tf.maxPool(x as tf.Tensor4D, 2, 2, 'same').sum())(tf.fill([1, 4, 4, 1], -1));
		});
		expect(tf.memory().numTensors).toBe(before);
	});
});

import { describe, expect, it } from 'vitest';
import { cnn, mlp, NETWORKS } from '../../src/networks/builders.js';
import { inferShapes } from '../../src/networks/shapes.js';
import type { LayerSpec, NetworkSpec } from '../../src/networks/spec.js';

const head: LayerSpec = { type: 'dense', units: 10 };

describe('inferShapes', () => {
	it.each([
		['mlp', 109_386],
		['cnn-small', 105_866],
		['cnn-cifar', 188_810],
	] as const)('counts the parameters of %s', (name, parameters) => {
		expect(inferShapes(NETWORKS[name]).parameterCount).toBe(parameters);
	});

	it("follows TensorFlow's SAME and VALID", () => {
		const { outputs } = inferShapes({
			input: [28, 27, 3],
			layers: [
				{ type: 'conv', filters: 8, kernelSize: 5, padding: 'valid' },
				{ type: 'conv', filters: 8, kernelSize: 3, stride: 2 },
				{ type: 'max-pool', size: 3, stride: 2, padding: 'same' },
				{ type: 'average-pool', size: 2 },
				{ type: 'global-average-pool' },
				{ type: 'dropout', rate: 0.5 },
				head,
			],
		});
		expect(outputs).toEqual([
			[24, 23, 8],
			[12, 12, 8],
			[6, 6, 8],
			[3, 3, 8],
			[1, 1, 8],
			[1, 1, 8],
			[1, 1, 10],
		]);
	});

	it('describes the layers with weights in tfjs layouts', () => {
		const spec = cnn({ input: [8, 8, 3], filters: [16], hidden: [32], classes: 10 });
		expect(inferShapes(spec).layers).toEqual([
			{ name: 'conv1', type: 'conv', size: 3 * 3 * 3 * 16 + 16, weightShape: [3, 3, 3, 16], biasShape: [16] },
			{ name: 'dense2', type: 'dense', size: 256 * 32 + 32, weightShape: [256, 32], biasShape: [32] },
			{ name: 'dense3', type: 'dense', size: 330, weightShape: [32, 10], biasShape: [10] },
		]);
	});

	it('puts dropout after hidden dense layers when asked', () => {
		const spec = mlp({ input: [4, 4, 1], hidden: [8, 6], classes: 3, activation: 'tanh', dropout: 0.25 });
		expect(spec.layers.map(({ type }) => type)).toEqual(['dense', 'dropout', 'dense', 'dropout', 'dense']);
	});

	it.each<[string, unknown, RegExp]>([
		['no object', 7, /a NetworkSpec/],
		['no input', { layers: [head] }, /spec\.input/],
		['a fractional edge', { input: [2.5, 2, 1], layers: [head] }, /height/],
		['no layers', { input: [2, 2, 1], layers: [] }, /1 to 200 layers/],
		['an unknown type', { input: [2, 2, 1], layers: [{ type: 'lstm' }, head] }, /spec\.layers\[0\]\.type/],
		['an unknown key', { input: [2, 2, 1], layers: [{ ...head, bias: false }] }, /bias means nothing/],
		['no units', { input: [2, 2, 1], layers: [{ type: 'dense', units: 0 }] }, /units/],
		['a kernel of 4', { input: [8, 8, 1], layers: [{ type: 'conv', filters: 1, kernelSize: 4 }, head] }, /1, 3, 5/],
		['a pool of 6', { input: [8, 8, 1], layers: [{ type: 'max-pool', size: 6 }, head] }, /2, 3, 4, 5/],
		['a dropout of 1', { input: [2, 2, 1], layers: [{ type: 'dropout', rate: 1 }, head] }, /below 1/],
		[
			'a window larger than its input',
			{ input: [4, 4, 1], layers: [{ type: 'max-pool', size: 2 }, { type: 'max-pool', size: 3 }, head] },
			/Layer 1 \(max-pool\).*3×3.*2×2/,
		],
		[
			'a convolution after a dense layer',
			{ input: [4, 4, 1], layers: [head, { type: 'conv', filters: 2, kernelSize: 3 }, head] },
			/Layer 1 \(conv\).*before the first dense/,
		],
		['no dense layer at the end', { input: [4, 4, 1], layers: [{ type: 'dropout', rate: 0.1 }] }, /last layer must be/],
		[
			'an activation at the end',
			{ input: [4, 4, 1], layers: [{ type: 'dense', units: 3, activation: 'relu' }] },
			/softmax cross-entropy follows/,
		],
		[
			'a name used twice',
			{
				input: [4, 4, 1],
				layers: [
					{ ...head, name: 'a' },
					{ ...head, name: 'a' },
				],
			},
			/same name/,
		],
		[
			'more elements than fit',
			{ input: [4096, 4096, 3], layers: [{ type: 'conv', filters: 64, kernelSize: 3 }, head] },
			/elements/,
		],
	])('refuses %s', (_, spec, message) => {
		expect(() => inferShapes(spec as NetworkSpec)).toThrow(message);
		expect(() => inferShapes(spec as NetworkSpec)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
	});
});

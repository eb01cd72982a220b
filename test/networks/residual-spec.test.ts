import { describe, expect, it } from 'vitest';
import { NETWORKS, residual } from '../../src/networks/builders.js';
import { describeNetwork } from '../../src/networks/describe.js';
import { inferShapes } from '../../src/networks/shapes.js';
import type { LayerSpec, NetworkSpec, ResidualLayerSpec } from '../../src/networks/spec.js';
import { PhiloxGenerator } from '../../src/philox.js';
import { drawNetwork, networkFamilySchema } from '../../src/tasks/network-family.js';
import { forwardCost } from '../../src/tasks/task-cost.js';

const head: LayerSpec = { type: 'dense', units: 10 };
const conv = (filters: number, changes = {}) => ({ type: 'conv', filters, kernelSize: 3, ...changes }) as const;
const norm = { type: 'batch-norm' } as const;

describe('residual', () => {
	it.each([
		[1, 8],
		[2, 14],
		[3, 20],
	])('of %i blocks a stage is the network of %i layers for CIFAR-10 of He et al. 2016', (blocks, depth) => {
		const spec = residual({ input: [32, 32, 3], classes: 10, blocks });
		const { layers, outputs, operations } = inferShapes(spec);
		const projections = layers.filter(({ name }) => name.startsWith('projection'));
		expect(layers.length - projections.length).toBe(depth);
		expect(projections.map(({ weightShape }) => weightShape)).toEqual([
			[1, 1, 16, 32],
			[1, 1, 32, 64],
		]);
		expect(outputs.slice(2).map(([height, , channels]) => `${height} ${channels}`)).toEqual([
			...['32 16', '16 32', '8 64'].flatMap((shape) => Array.from({ length: blocks }, () => shape)),
			'1 64',
			'1 10',
		]);
		expect(operations.filter(({ layer }) => layer.type === 'add')).toHaveLength(3 * blocks);
	});

	it('has as many parameters as PyTorch counts', () => {
		// Convolutions without bias, batch norms with scale and shift, and the classifier.
		const weights = 432 + 6 * 2304 + 4608 + 5 * 9216 + 18432 + 5 * 36864 + 512 + 2048;
		const vectors = 2 * (7 * 16 + 6 * 32 + 6 * 64 + 32 + 64);
		expect(inferShapes(residual({ input: [32, 32, 3], classes: 10, blocks: 3 })).parameterCount).toBe(
			weights + vectors + 650,
		);
	});

	it.each<[object, RegExp]>([
		[{ blocks: 0 }, /blocks/],
		[{ blocks: 1, width: 0 }, /width/],
		[{ blocks: 1, stages: 9 }, /stages/],
	])('refuses %o', (options, message) => {
		expect(() => residual({ input: [32, 32, 3], classes: 10, ...options } as never)).toThrow(message);
	});

	it('is a network family, in configs too', () => {
		const family = { type: 'residual', blocks: 2, width: 4 } as const;
		expect(networkFamilySchema.parse(family)).toEqual(family);
		expect(() => networkFamilySchema.parse({ ...family, blocks: 0 })).toThrow();
		const drawn = drawNetwork(family, { shape: [28, 28, 1], classes: 7 }, new PhiloxGenerator(1, 'task'));
		expect(drawn).toEqual(residual({ input: [28, 28, 1], classes: 7, blocks: 2, width: 4 }));
		const layers = [conv(4), norm, { type: 'residual', layers: [conv(4), norm] }];
		const listed = networkFamilySchema.parse({ type: 'layers', layers });
		const spec = drawNetwork(listed, { shape: [8, 8, 1], classes: 7 }, new PhiloxGenerator(1, 'task'));
		expect(inferShapes(spec).layers.map(({ name }) => name)).toEqual(['conv1', 'conv2', 'dense3']);
	});

	it('is described in a few words', () => {
		const spec = residual({ input: [32, 32, 3], classes: 10, blocks: 2 });
		expect(describeNetwork(spec)).toBe('32×32×3-conv16-2×residual16-2×residual32-2×residual64-pool-10');
		expect(describeNetwork({ input: [2, 2, 1], layers: [{ type: 'dense', units: 5 }, norm, head] })).toBe('4-5-10');
	});

	it('costs what its convolutions cost', () => {
		const [first, stage1, stage2, stage3] = [
			432 * 1024,
			2304 * 1024,
			(4608 + 9216 + 512) * 256,
			(18432 + 36864 + 2048) * 64,
		];
		expect(forwardCost(NETWORKS['resnet-8'])).toBe(first! + 2 * stage1! + stage2! + stage3! + 640);
	});
});

describe('inferShapes of residual blocks', () => {
	const block: ResidualLayerSpec = {
		type: 'residual',
		layers: [conv(8, { stride: 2 }), { type: 'batch-norm', activation: 'relu' }, conv(8), { ...norm, epsilon: 0.1 }],
		shortcut: 'projection',
		activation: 'relu',
	};

	it('puts the projection first, normalised as the layers end, and the sum last', () => {
		const { operations, layers, outputs, normalizedChannels } = inferShapes({
			input: [9, 8, 3],
			layers: [conv(4), block, head],
		});
		expect(operations.map(({ layer, input, addend }) => [layer.type, input, addend])).toEqual([
			['conv', -1, -1],
			['conv', 0, -1],
			['batch-norm', 1, -1],
			['conv', 0, -1],
			['batch-norm', 3, -1],
			['conv', 4, -1],
			['batch-norm', 5, -1],
			['add', 6, 2],
			['dense', 7, -1],
		]);
		expect(operations[1]?.layer).toMatchObject({ kernelSize: 1, stride: 2, filters: 8 });
		expect(operations[2]?.layer).toEqual({ type: 'batch-norm', epsilon: 0.1 });
		expect(operations.map(({ from }) => from[0])).toEqual([9, 9, 5, 9, 5, 5, 5, 5, 5]);
		expect(outputs).toEqual([
			[9, 8, 4],
			[5, 4, 8],
			[1, 1, 10],
		]);
		expect(normalizedChannels).toBe(24);
		expect(layers).toEqual([
			{ name: 'conv1', type: 'conv', size: 112, weightShape: [3, 3, 3, 4], biasShape: [4] },
			{ name: 'projection2', type: 'conv', size: 48, weightShape: [1, 1, 4, 8], scaleShape: [8], biasShape: [8] },
			{ name: 'conv3', type: 'conv', size: 304, weightShape: [3, 3, 4, 8], scaleShape: [8], biasShape: [8] },
			{ name: 'conv4', type: 'conv', size: 592, weightShape: [3, 3, 8, 8], scaleShape: [8], biasShape: [8] },
			{ name: 'dense5', type: 'dense', size: 1610, weightShape: [160, 10], biasShape: [10] },
		]);
	});

	const images = (...layers: unknown[]) => ({ input: [8, 8, 2], layers: [...layers, head] }) as NetworkSpec;
	const within = (...layers: unknown[]) => images(conv(4), { type: 'residual', layers });
	it.each<[string, NetworkSpec, RegExp]>([
		['a batch norm of nothing', images(norm), /Layer 0 \(batch-norm\).*there is none/],
		[
			'a batch norm after pooling',
			images(conv(4), { type: 'max-pool', size: 2 }, norm),
			/dense or conv layer right before it/,
		],
		['two batch norms', images(conv(4), norm, norm), /Layer 2 \(batch-norm\)/],
		[
			'an activation before a batch norm',
			images(conv(4, { activation: 'relu' }), norm),
			/'relu', which would come first/,
		],
		['a batch norm of the classifier', { input: [2, 2, 1], layers: [head, norm] }, /last layer must be/],
		['a momentum of 2', images(conv(4), { ...norm, momentum: 2 }), /layers\[1\]\.momentum/],
		['an epsilon of 0', images(conv(4), { ...norm, epsilon: 0 }), /layers\[1\]\.epsilon/],
		[
			'an unknown key',
			images(conv(4), { ...norm, affine: false }),
			/affine means nothing.*momentum, epsilon, activation/,
		],
		['a block at the beginning', images({ type: 'residual', layers: [conv(2)] }), /cannot be the first layer/],
		['an empty block', within(), /layers\[1\]\.layers/],
		['no list of layers', images(conv(4), { type: 'residual', layers: 3 }), /an array of at least one layer/],
		['another shortcut', images(conv(4), { ...block, shortcut: 'zero' }), /'identity', 'projection'/],
		[
			'a block that begins with pooling',
			within({ type: 'max-pool', size: 3, stride: 1, padding: 'same' }),
			/must be a conv/,
		],
		['a dense layer in a block', within(conv(4), { type: 'dense', units: 4 }), /layers\[1\] is a dense layer/],
		['a block in a block', within(conv(4), { type: 'residual', layers: [conv(4)] }), /layers\[1\] is a residual layer/],
		[
			'a block after a dense layer',
			images({ type: 'dense', units: 4 }, { type: 'residual', layers: [conv(4)] }),
			/works on images/,
		],
		['an identity of another shape', within(conv(8)), /turn 8×8×4 into 8×8×8.*shortcut: 'projection'/],
		[
			'a projection by 4',
			images(conv(4), {
				type: 'residual',
				layers: [conv(4, { stride: 2 }), conv(4, { stride: 2 })],
				shortcut: 'projection',
			}),
			/8×8×4 into 2×2×4.*halves/,
		],
		[
			'a window that does not fit',
			within(conv(4), { type: 'max-pool', size: 5, stride: 3 }, conv(4, { kernelSize: 5, padding: 'valid' })),
			/Layer 2 of the block that is layer 1 \(conv\).*5×5/,
		],
		['a bad layer in a block', within({ ...conv(4), stride: 3 }), /spec\.layers\[1\]\.layers\[0\]\.stride/],
		[
			'a name used twice, once in a block',
			images(conv(4, { name: 'a' }), { type: 'residual', layers: [conv(4, { name: 'a' })] }),
			/same name/,
		],
		[
			'more than 200 operations',
			images(conv(4), ...Array.from({ length: 70 }, () => ({ type: 'residual', layers: [conv(4), norm] }))),
			/at most 200/,
		],
	])('refuses %s', (_, spec, message) => {
		expect(() => inferShapes(spec)).toThrow(message);
		expect(() => inferShapes(spec)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
	});
});

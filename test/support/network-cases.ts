import type { LayerSpec, NetworkSpec } from '../../src/networks/spec.js';

/** Networks that between them use every layer type, every edge of its parameters and odd channel counts; 4 classes each. */

const head: LayerSpec = { type: 'dense', units: 4 };

export const NETWORK_CASES: Readonly<Record<string, NetworkSpec>> = {
	'dense, odd sizes': {
		input: [5, 3, 1],
		layers: [{ type: 'dense', units: 17, activation: 'relu' }, { type: 'dense', units: 33, activation: 'tanh' }, head],
	},
	'dense, whole vectors': {
		input: [4, 4, 3],
		layers: [{ type: 'dense', units: 64, activation: 'relu' }, { type: 'dense', units: 48, activation: 'relu' }, head],
	},
	'dense only': { input: [3, 3, 2], layers: [head] },
	'fused 2x2 pooling': {
		input: [8, 8, 1],
		layers: [
			{ type: 'conv', filters: 16, kernelSize: 3, activation: 'relu' },
			{ type: 'max-pool', size: 2 },
			{ type: 'conv', filters: 32, kernelSize: 3, activation: 'relu' },
			{ type: 'max-pool', size: 2 },
			head,
		],
	},
	'fused pooling of odd edges, odd channels': {
		input: [9, 7, 3],
		layers: [
			{ type: 'conv', filters: 5, kernelSize: 3, activation: 'relu' },
			{ type: 'max-pool', size: 2 },
			{ type: 'conv', filters: 19, kernelSize: 3 },
			{ type: 'max-pool', size: 2 },
			{ type: 'dense', units: 6, activation: 'relu' },
			head,
		],
	},
	'tanh before pooling': {
		input: [6, 6, 1],
		layers: [{ type: 'conv', filters: 7, kernelSize: 3, activation: 'tanh' }, { type: 'max-pool', size: 2 }, head],
	},
	'5x5 kernels on one channel': {
		input: [9, 8, 1],
		layers: [
			{ type: 'conv', filters: 6, kernelSize: 5, activation: 'relu' },
			{ type: 'conv', filters: 16, kernelSize: 5, padding: 'valid', activation: 'tanh' },
			head,
		],
	},
	'stride 2, same': {
		input: [9, 8, 2],
		layers: [
			{ type: 'conv', filters: 16, kernelSize: 3, stride: 2, activation: 'relu' },
			{ type: 'conv', filters: 9, kernelSize: 5, stride: 2, activation: 'tanh' },
			{ type: 'conv', filters: 4, kernelSize: 3, stride: 2 },
			head,
		],
	},
	'stride 2, valid': {
		input: [10, 9, 1],
		layers: [
			{ type: 'conv', filters: 3, kernelSize: 3, stride: 2, padding: 'valid', activation: 'relu' },
			{ type: 'conv', filters: 32, kernelSize: 3, stride: 2, padding: 'valid', activation: 'relu' },
			head,
		],
	},
	'1x1 kernels, strides 1 and 2': {
		input: [5, 6, 4],
		layers: [
			{ type: 'conv', filters: 16, kernelSize: 1, activation: 'tanh' },
			{ type: 'conv', filters: 20, kernelSize: 1, stride: 2, activation: 'relu' },
			{ type: 'conv', filters: 5, kernelSize: 1, activation: 'relu' },
			{ type: 'global-average-pool' },
			head,
		],
	},
	'overlapping max pooling': {
		input: [9, 8, 2],
		layers: [
			{ type: 'conv', filters: 6, kernelSize: 3, activation: 'relu' },
			{ type: 'max-pool', size: 3, stride: 1, padding: 'same' },
			{ type: 'max-pool', size: 3, stride: 2 },
			{ type: 'max-pool', size: 2, stride: 1, padding: 'same' },
			head,
		],
	},
	'average pooling, padding does not count': {
		input: [7, 9, 1],
		layers: [
			{ type: 'conv', filters: 16, kernelSize: 3, activation: 'tanh' },
			{ type: 'average-pool', size: 3, stride: 2, padding: 'same' },
			{ type: 'conv', filters: 3, kernelSize: 3, activation: 'relu' },
			{ type: 'average-pool', size: 2, stride: 1 },
			head,
		],
	},
	'windows of 4 and 5': {
		input: [13, 12, 1],
		layers: [
			{ type: 'conv', filters: 4, kernelSize: 3, activation: 'tanh' },
			{ type: 'max-pool', size: 5, stride: 3, padding: 'same' },
			{ type: 'average-pool', size: 4, stride: 1, padding: 'same' },
			{ type: 'max-pool', size: 4 },
			head,
		],
	},
	'pooling first, no gradient above it': {
		input: [8, 8, 3],
		layers: [
			{ type: 'average-pool', size: 2 },
			{ type: 'dropout', rate: 0.5 },
			{ type: 'conv', filters: 10, kernelSize: 3, activation: 'relu' },
			{ type: 'dropout', rate: 0.25 },
			{ type: 'dense', units: 12, activation: 'relu' },
			{ type: 'dropout', rate: 0.5 },
			head,
		],
	},
	'pooling straight into dense': {
		input: [6, 6, 5],
		layers: [{ type: 'max-pool', size: 2 }, { type: 'dense', units: 8, activation: 'tanh' }, head],
	},
	'convolution after global pooling': {
		input: [4, 4, 1],
		layers: [
			{ type: 'conv', filters: 8, kernelSize: 3, activation: 'relu' },
			{ type: 'global-average-pool' },
			{ type: 'conv', filters: 12, kernelSize: 3, activation: 'tanh' },
			head,
		],
	},
	'whole-vector channels into dense': {
		input: [8, 8, 16],
		layers: [
			{ type: 'conv', filters: 32, kernelSize: 3, activation: 'relu' },
			{ type: 'conv', filters: 48, kernelSize: 3, stride: 2, activation: 'relu' },
			{ type: 'dense', units: 16, activation: 'relu' },
			head,
		],
	},
};

const norm = { type: 'batch-norm' } as const;
const normRelu = { type: 'batch-norm', activation: 'relu' } as const;

/** Likewise with batch norm and residual blocks, where images of a batch depend on each other. */
export const NORMALIZED_CASES: Readonly<Record<string, NetworkSpec>> = {
	'batch norm of dense layers': {
		input: [4, 3, 2],
		layers: [
			{ type: 'dense', units: 17 },
			normRelu,
			{ type: 'dropout', rate: 0.25 },
			{ type: 'dense', units: 9 },
			{ type: 'batch-norm', activation: 'tanh', epsilon: 0.01 },
			{ type: 'dense', units: 16, activation: 'relu' },
			head,
		],
	},
	'batch norm of convolutions': {
		input: [7, 6, 1],
		layers: [
			{ type: 'conv', filters: 5, kernelSize: 3 },
			normRelu,
			{ type: 'max-pool', size: 2 },
			{ type: 'conv', filters: 19, kernelSize: 5, stride: 2 },
			{ type: 'batch-norm', activation: 'tanh', momentum: 0.4 },
			{ type: 'conv', filters: 16, kernelSize: 1 },
			norm,
			head,
		],
	},
	'batch norm beside layers without it': {
		input: [6, 6, 3],
		layers: [
			{ type: 'average-pool', size: 2, stride: 1 },
			{ type: 'conv', filters: 8, kernelSize: 3, padding: 'valid', activation: 'relu' },
			{ type: 'conv', filters: 6, kernelSize: 3 },
			normRelu,
			{ type: 'dropout', rate: 0.3 },
			{ type: 'average-pool', size: 2, stride: 1 },
			{ type: 'conv', filters: 12, kernelSize: 3, activation: 'tanh' },
			{ type: 'global-average-pool' },
			{ type: 'dense', units: 10 },
			norm,
			{ type: 'dense', units: 7, activation: 'tanh' },
			head,
		],
	},
	'residual blocks, identity and projection': {
		input: [8, 8, 2],
		layers: [
			{ type: 'conv', filters: 6, kernelSize: 3 },
			normRelu,
			{
				type: 'residual',
				layers: [
					{ type: 'conv', filters: 6, kernelSize: 3 },
					normRelu,
					{ type: 'conv', filters: 6, kernelSize: 3 },
					norm,
				],
				activation: 'relu',
			},
			{
				type: 'residual',
				layers: [
					{ type: 'conv', filters: 12, kernelSize: 3, stride: 2 },
					normRelu,
					{ type: 'conv', filters: 12, kernelSize: 3 },
					norm,
				],
				shortcut: 'projection',
				activation: 'relu',
			},
			{ type: 'residual', layers: [{ type: 'conv', filters: 12, kernelSize: 3 }, norm], activation: 'tanh' },
			{ type: 'global-average-pool' },
			head,
		],
	},
	'residual blocks without batch norm': {
		input: [7, 9, 3],
		layers: [
			{ type: 'conv', filters: 16, kernelSize: 3, activation: 'relu' },
			{ type: 'residual', layers: [{ type: 'conv', filters: 16, kernelSize: 5, activation: 'tanh' }] },
			{
				type: 'residual',
				layers: [
					{ type: 'conv', filters: 8, kernelSize: 3, activation: 'tanh' },
					{ type: 'dropout', rate: 0.2 },
					{ type: 'conv', filters: 20, kernelSize: 3, stride: 2, activation: 'relu' },
				],
				shortcut: 'projection',
				activation: 'tanh',
			},
			{
				type: 'residual',
				layers: [
					{ type: 'conv', filters: 20, kernelSize: 3, activation: 'relu' },
					{ type: 'max-pool', size: 3, stride: 1, padding: 'same' },
				],
				activation: 'relu',
			},
			{ type: 'dense', units: 8, activation: 'relu' },
			head,
		],
	},
	'residual blocks of every ending, into dense layers': {
		input: [8, 6, 1],
		layers: [
			{ type: 'conv', filters: 16, kernelSize: 5, activation: 'tanh' },
			{ type: 'max-pool', size: 2 },
			{
				type: 'residual',
				layers: [{ type: 'conv', filters: 16, kernelSize: 3 }, normRelu],
				activation: 'tanh',
			},
			{
				type: 'residual',
				layers: [
					{ type: 'conv', filters: 32, kernelSize: 5, activation: 'tanh' },
					{ type: 'conv', filters: 32, kernelSize: 3, stride: 2 },
					norm,
					{ type: 'dropout', rate: 0.4 },
				],
				shortcut: 'projection',
			},
			{
				type: 'residual',
				layers: [
					{ type: 'conv', filters: 16, kernelSize: 1 },
					normRelu,
					{ type: 'average-pool', size: 3, stride: 1, padding: 'same' },
					{ type: 'conv', filters: 32, kernelSize: 3 },
					{ type: 'batch-norm', epsilon: 0.1 },
				],
			},
			{ type: 'dense', units: 12 },
			normRelu,
			head,
		],
	},
	'a residual block over pooled images': {
		input: [8, 8, 3],
		layers: [
			{ type: 'average-pool', size: 2 },
			{
				type: 'residual',
				layers: [{ type: 'conv', filters: 3, kernelSize: 3 }, norm],
				activation: 'relu',
			},
			{
				type: 'residual',
				layers: [
					{ type: 'conv', filters: 5, kernelSize: 3, activation: 'relu' },
					{ type: 'max-pool', size: 2 },
				],
				shortcut: 'projection',
			},
			head,
		],
	},
};

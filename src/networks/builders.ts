import { checkInteger, checkKeys, invalidArgument, keysOf } from '../arguments.js';
import { inferShapes, type Shape } from './shapes.js';
import type { Activation, LayerSpec, NetworkSpec } from './spec.js';

export interface MlpOptions {
	readonly input: Shape;
	/** Units of the hidden layers, first to last; may be empty. */
	readonly hidden: readonly number[];
	readonly classes: number;
	/** Of the hidden layers; default `relu`. */
	readonly activation?: Activation;
	/** Dropout after every hidden layer; default none. */
	readonly dropout?: number;
}

/**
 * A multilayer perceptron over the flattened image.
 * @throws GannoError `INVALID_ARGUMENT`
 */
export function mlp(options: MlpOptions): NetworkSpec {
	checkKeys(options, 'options', MLP_KEYS);
	const { input, hidden, classes, activation = 'relu', dropout = 0 } = options;
	checkList(hidden, 'hidden');
	const layers = hidden.flatMap((units): LayerSpec[] => denseBlock(units, activation, dropout));
	return checked({ input, layers: [...layers, { type: 'dense', units: classes }] });
}

export interface CnnOptions {
	readonly input: Shape;
	/** Filters of the convolutions, first to last; a 2×2 max pooling follows each. */
	readonly filters: readonly number[];
	readonly kernelSize?: 1 | 3 | 5; // default 3
	/** Units of the hidden dense layers; default none. */
	readonly hidden?: readonly number[];
	readonly classes: number;
	readonly activation?: Activation; // default 'relu'
	/** Dropout after every hidden dense layer; default none. */
	readonly dropout?: number;
}

/**
 * Convolutions ('same' padding), each followed by 2×2 max pooling, then dense layers.
 * @throws GannoError `INVALID_ARGUMENT`
 */
export function cnn(options: CnnOptions): NetworkSpec {
	checkKeys(options, 'options', CNN_KEYS);
	const { input, filters, kernelSize = 3, hidden = [], classes, activation = 'relu', dropout = 0 } = options;
	checkList(filters, 'filters');
	checkList(hidden, 'hidden');
	const images = filters.flatMap((count): LayerSpec[] => [
		{ type: 'conv', filters: count, kernelSize, activation },
		{ type: 'max-pool', size: 2 },
	]);
	const vectors = hidden.flatMap((units): LayerSpec[] => denseBlock(units, activation, dropout));
	return checked({ input, layers: [...images, ...vectors, { type: 'dense', units: classes }] });
}

export interface ResidualOptions {
	readonly input: Shape;
	readonly classes: number;
	/** Residual blocks of each stage: 1, 2, 3 make ResNet-8, -14, -20 of the three stages. */
	readonly blocks: number;
	/** Filters of the first stage; every further stage has twice as many. Default 16. */
	readonly width?: number;
	/** Default 3. Every stage but the first begins with stride 2. */
	readonly stages?: number;
}

/**
 * The residual networks for CIFAR-10 of He et al. 2016 (section 4.2): a 3×3 convolution, then stages of blocks of two 3×3 convolutions,
 * all batch-normalised and with ReLU, then global average pooling and the classifier. Depth 2 · stages · blocks + 2. Where a stage
 * changes the shape, the shortcut is a 1×1 convolution with stride 2 and batch norm (their option B).
 * @throws GannoError `INVALID_ARGUMENT`
 */
export function residual(options: ResidualOptions): NetworkSpec {
	checkKeys(options, 'options', RESIDUAL_KEYS);
	const { input, classes, blocks, width = 16, stages = 3 } = options;
	checkInteger(blocks, 'blocks', 1, 32);
	checkInteger(width, 'width', 1, 1024);
	checkInteger(stages, 'stages', 1, 6);
	const norm = { type: 'batch-norm' } as const;
	const relu = { type: 'batch-norm', activation: 'relu' } as const;
	const layers: LayerSpec[] = [{ type: 'conv', filters: width, kernelSize: 3 }, relu];
	for (let stage = 0; stage < stages; stage++) {
		const filters = width * 2 ** stage;
		for (let block = 0; block < blocks; block++) {
			const halves = stage > 0 && block === 0;
			layers.push({
				type: 'residual',
				layers: [
					{ type: 'conv', filters, kernelSize: 3, stride: halves ? 2 : 1 },
					relu,
					{ type: 'conv', filters, kernelSize: 3 },
					norm,
				],
				shortcut: halves ? 'projection' : 'identity',
				activation: 'relu',
			});
		}
	}
	return checked({ input, layers: [...layers, { type: 'global-average-pool' }, { type: 'dense', units: classes }] });
}

const MLP_KEYS = keysOf<MlpOptions>({ input: true, hidden: true, classes: true, activation: true, dropout: true });
const CNN_KEYS = keysOf<CnnOptions>({
	input: true,
	filters: true,
	kernelSize: true,
	hidden: true,
	classes: true,
	activation: true,
	dropout: true,
});
const RESIDUAL_KEYS = keysOf<ResidualOptions>({ input: true, classes: true, blocks: true, width: true, stages: true });

function checkList(value: unknown, name: string): void {
	if (!Array.isArray(value)) throw invalidArgument('an array of numbers, one a layer,', name, value);
}

function denseBlock(units: number, activation: Activation, dropout: number): LayerSpec[] {
	const dense: LayerSpec = { type: 'dense', units, activation };
	return dropout === 0 ? [dense] : [dense, { type: 'dropout', rate: dropout }];
}

function checked(spec: NetworkSpec): NetworkSpec {
	inferShapes(spec);
	return spec;
}

/** The networks that the benchmarks measure, under their names there. */
export const NETWORKS = {
	/** 784-128-64-10; 109,386 parameters. */
	mlp: mlp({ input: [28, 28, 1], hidden: [128, 64], classes: 10 }),
	/** conv16-pool-conv32-pool-fc64-fc10 on 28×28×1; 105,866 parameters. */
	'cnn-small': cnn({ input: [28, 28, 1], filters: [16, 32], hidden: [64], classes: 10 }),
	/** conv32-pool-conv64-pool-conv64-pool-fc128-fc10 on 32×32×3; 188,810 parameters. */
	'cnn-cifar': cnn({ input: [32, 32, 3], filters: [32, 64, 64], hidden: [128], classes: 10 }),
	/** ResNet-8 of width 16 on 32×32×3. */
	'resnet-8': residual({ input: [32, 32, 3], classes: 10, blocks: 1 }),
} as const satisfies Record<string, NetworkSpec>;

import { base, mlp, type TaskInput } from './held-out-base.js';

/** Of tasks whose steps are dear. */
const ENDS = [1e-5, 1e-3, 1e-1];

const whole = { name: 'fashion-mnist' } as const;
const cifar = { name: 'cifar-10', downsample: 2 } as const;

/** The default suite's tasks with convolutions, whole images and other data. */
export const IMAGE_TASKS: readonly TaskInput[] = [
	// Convolutions.
	{
		...base,
		id: 'cnn-small',
		family: 'cnn',
		about: 'unseen seeds',
		network: { type: 'cnn', filters: [12, 24], hidden: [48] },
		optimizer: 'adam',
		horizon: 400,
		learningRates: ENDS,
		tuningSeeds: 2,
	},
	{
		...base,
		id: 'cnn-momentum',
		family: 'cnn',
		about: 'more filters than training',
		network: { type: 'cnn', filters: [32, 32], hidden: [] },
		optimizer: 'momentum',
		horizon: 300,
		learningRates: ENDS,
		tuningSeeds: 2,
		testPoints: 2,
	},
	{
		...base,
		id: 'full-cnn',
		family: 'full cnn',
		about: 'all of Fashion-MNIST at 28×28',
		dataset: whole,
		network: { type: 'cnn', filters: [16, 32], hidden: [64] },
		optimizer: 'adam',
		batchSize: 64,
		horizon: 400,
		sliceSize: undefined,
		learningRates: ENDS,
		tuningSeeds: 2,
		role: 'full-cnn',
		testPoints: 2,
	},
	{
		...base,
		id: 'full-mlp',
		family: 'mlp, adaptive',
		about: 'all of Fashion-MNIST at 28×28',
		dataset: whole,
		network: mlp(128, 64),
		optimizer: 'adam',
		batchSize: 64,
		horizon: 600,
		sliceSize: undefined,
		learningRates: ENDS,
		tuningSeeds: 2,
		testPoints: 2,
	},
	// Other data.
	{
		...base,
		id: 'mnist-mlp',
		family: 'mnist',
		about: 'unseen data',
		dataset: { name: 'mnist', downsample: 2 },
		network: mlp(64, 48, 32),
		optimizer: 'adam',
	},
	{
		...base,
		id: 'cifar-cnn',
		family: 'cifar',
		about: 'unseen data',
		dataset: cifar,
		network: { type: 'cnn', filters: [16, 32], hidden: [64] },
		optimizer: 'adam',
		horizon: 400,
		sliceSize: undefined,
		learningRates: ENDS,
		tuningSeeds: 2,
		testPoints: 2,
	},
];

import type { SuiteInput } from './suite-spec.js';

type TaskInput = SuiteInput['tasks'][number];

/** Of tasks whose steps are expensive. */
const ENDS = [1e-5, 1e-3, 1e-1];

const CIFAR = { name: 'cifar-10', downsample: 2 } as const;

const mlp = (...hidden: number[]) => ({ type: 'mlp' as const, hidden });

/**
 * A task on 14×14 images of Fashion-MNIST, 4,000 of them a network, from initial learning rates over five decades.
 * @param about what is held out
 * @param changes what else it is
 */
function task(
	id: string,
	family: string,
	about: string,
	network: TaskInput['network'],
	optimizer: TaskInput['optimizer'],
	changes: Partial<TaskInput> = {},
): TaskInput {
	return {
		id,
		family,
		about,
		dataset: { name: 'fashion-mnist', downsample: 2 },
		network,
		optimizer,
		batchSize: 32,
		horizon: 500,
		sliceSize: 4000,
		learningRates: [1e-5, 1e-4, 1e-3, 1e-2, 1e-1],
		...changes,
	};
}

const tasks: TaskInput[] = [
	// Fully connected networks under Adam and its relatives.
	task('mlp-adam', 'mlp, adaptive', 'unseen seeds', mlp(64, 48, 32), 'adam'),
	task('mlp-adamw', 'mlp, adaptive', 'unseen seeds', mlp(96, 32), 'adamw'),
	task('mlp-rmsprop', 'mlp, adaptive', 'unseen seeds', mlp(80, 40), 'rmsprop'),
	task('mlp-wide', 'mlp, adaptive', 'wider than training', mlp(384), 'adam'),
	task('mlp-twice-as-long', 'mlp, adaptive', 'twice the horizon', mlp(64, 48, 32), 'adam', {
		horizon: 1000,
		longerThan: 'mlp-adam',
	}),
	task('mlp-long', 'mlp, adaptive', 'twice the longest horizon of training, 40 decisions', mlp(64, 48, 32), 'adam', {
		horizon: 1920,
		decisions: 40,
		longerThan: 'mlp-adam',
	}),
	// Under sgd with and without momentum.
	task('mlp-momentum', 'mlp, sgd', 'unseen seeds', mlp(64, 48, 32), 'momentum'),
	task('mlp-sgd', 'mlp, sgd', 'unseen seeds', mlp(96, 32), 'sgd'),
	task('mlp-nesterov', 'mlp, sgd', 'unseen optimiser', mlp(64, 48), 'nesterov'),
	task(
		'mlp-momentum-long',
		'mlp, sgd',
		'twice the longest horizon of training, 40 decisions',
		mlp(64, 48, 32),
		'momentum',
		{ horizon: 1920, decisions: 40, longerThan: 'mlp-momentum' },
	),
	// Deeper than training, without normalisation.
	task('deep-adam', 'deep', 'deeper than training', mlp(48, 48, 48, 48, 48, 48, 48, 48, 48), 'adam'),
	task('deep-momentum', 'deep', 'deeper than training', mlp(48, 48, 48, 48, 48, 48, 48, 48, 48), 'momentum'),
	task(
		'deep-tanh',
		'deep',
		'deeper than training, tanh',
		{ type: 'mlp', hidden: [48, 48, 48, 48, 48, 48, 48, 48], activation: 'tanh' },
		'adam',
	),
	// Batches outside and at the edge of training.
	task('small-batch', 'batch size', 'batch 8', mlp(64, 32), 'adam', { batchSize: 8 }),
	task('large-batch-adam', 'batch size', 'batch 512, few steps', mlp(64, 32), 'adam', {
		batchSize: 512,
		horizon: 160,
		sliceSize: 10_000,
	}),
	task('large-batch-sgd', 'large batch, sgd', 'batch 512, few steps', mlp(64, 32), 'sgd', {
		batchSize: 512,
		horizon: 160,
		sliceSize: 10_000,
	}),
	task('large-batch-momentum', 'large batch, sgd', 'batch 512, few steps', mlp(64, 32), 'momentum', {
		batchSize: 512,
		horizon: 160,
		sliceSize: 10_000,
	}),
	// Layers whose learning rates are set wrongly to begin with.
	task(
		'perturbed-adam',
		'perturbed rates',
		'layers start up to two decades apart from the rate',
		mlp(64, 48, 32),
		'adam',
		{ learningRates: [1e-4, 1e-3, 1e-2], layerSpreadDecades: 2 },
	),
	task(
		'perturbed-momentum',
		'perturbed rates',
		'layers start up to two decades apart from the rate',
		mlp(64, 48, 32),
		'momentum',
		{ learningRates: [1e-3, 1e-2, 1e-1], layerSpreadDecades: 2 },
	),
	// Layers whose weights are out of balance, and networks that were trained before.
	task('unbalanced-adam', 'unbalanced layers', 'weights start up to a decade out of balance', mlp(64, 48, 32), 'adam', {
		initialScaleDecades: 1,
	}),
	task(
		'unbalanced-momentum',
		'unbalanced layers',
		'weights start up to a decade out of balance',
		mlp(64, 48, 32),
		'momentum',
		{ initialScaleDecades: 1 },
	),
	task('fine-tuning-classes', 'fine-tuning', 'new classes after pre-training, few steps', mlp(64, 48, 32), 'adam', {
		horizon: 100,
		sliceSize: 500,
		fineTuning: { change: 'classes' },
	}),
	task('fine-tuning-labels', 'fine-tuning', 'other labels after pre-training, few steps', mlp(64, 48, 32), 'momentum', {
		horizon: 100,
		sliceSize: 500,
		fineTuning: { change: 'labels' },
	}),
	// Convolutions.
	task('cnn-small', 'cnn', 'unseen seeds', { type: 'cnn', filters: [12, 24], hidden: [48] }, 'adam', {
		horizon: 400,
		learningRates: ENDS,
		tuningSeeds: 2,
	}),
	task(
		'cnn-momentum',
		'cnn',
		'more filters than training',
		{ type: 'cnn', filters: [32, 32], hidden: [] },
		'momentum',
		{ horizon: 300, learningRates: ENDS, tuningSeeds: 2, testPoints: 2 },
	),
	task(
		'full-cnn',
		'full cnn',
		'all of Fashion-MNIST at 28×28',
		{ type: 'cnn', filters: [16, 32], hidden: [64] },
		'adam',
		{
			dataset: { name: 'fashion-mnist' },
			batchSize: 64,
			horizon: 400,
			sliceSize: undefined,
			learningRates: ENDS,
			tuningSeeds: 2,
			role: 'full-cnn',
			testPoints: 2,
		},
	),
	task('full-mlp', 'mlp, adaptive', 'all of Fashion-MNIST at 28×28', mlp(128, 64), 'adam', {
		dataset: { name: 'fashion-mnist' },
		batchSize: 64,
		horizon: 600,
		sliceSize: undefined,
		learningRates: ENDS,
		tuningSeeds: 2,
		testPoints: 2,
	}),
	// Other data.
	task('mnist-mlp', 'mnist', 'unseen data', mlp(64, 48, 32), 'adam', { dataset: { name: 'mnist', downsample: 2 } }),
	task('cifar-cnn', 'cifar', 'unseen data', { type: 'cnn', filters: [16, 32], hidden: [64] }, 'adam', {
		dataset: CIFAR,
		horizon: 400,
		sliceSize: undefined,
		learningRates: ENDS,
		tuningSeeds: 2,
		testPoints: 2,
	}),
	task(
		'cifar-residual',
		'cifar, residual',
		'unseen data, a residual network of 8 layers with batch norm',
		{ type: 'residual', blocks: 1, width: 8 },
		'momentum',
		{
			dataset: CIFAR,
			horizon: 300,
			sliceSize: undefined,
			learningRates: [1e-4, 1e-2],
			tuningSeeds: 1,
			testPoints: 2,
			role: 'cifar-residual',
		},
	),
];

/**
 * The suite that a policy answers to by default. Its seeds are its own, so no preset has met these networks; what else a task holds out
 * (an optimiser, a width, a depth, a batch size, a horizon, data) stands beside it. CIFAR-10 and MNIST are never trained on.
 */
export const HELD_OUT_SUITE: SuiteInput = {
	name: 'held-out',
	description: 'Networks that no preset has met; what else each task holds out stands beside it.',
	seed: 231_118_598,
	seeds: 5,
	tuningSeeds: 3,
	tuningLearningRates: [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1],
	testPoints: 4,
	tasks,
};

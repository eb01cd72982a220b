import { cnn, type Dataset, mlp, type NetworkSpec, type OptimizerSpec, residual, type TrainingTask } from 'ganno';

/** Kinds of training in which layers might need learning rates of their own. */
export interface Family {
	readonly name: string;
	/** One line for the table. */
	readonly about: string;
	readonly network: (ends: Pick<Dataset, 'shape' | 'classes'>) => NetworkSpec;
	readonly optimizer: OptimizerSpec;
	readonly batchSize: number;
	readonly horizon: number;
	/** Training images of a network; absent: all. */
	readonly sliceSize?: number;
	readonly data?: TrainingTask['data'];
	/** Its seeds are the search's to set. */
	readonly pretraining?: Omit<NonNullable<TrainingTask['pretraining']>, 'seeds'>;
	/** Factors of the initial weights: the same for every network, or up to so many decades, each network's own. */
	readonly scales?: readonly number[] | { readonly decades: number };
	/** Log10 of the lowest and the highest learning rate of the grid. */
	readonly grid: readonly [number, number];
	/** Log10 of the widest multiplier that is drawn. */
	readonly reach: number;
}

const ADAM = { optimizer: { algorithm: 'adam' }, grid: [-4.25, -0.75], reach: 1 } as const;
const MOMENTUM = { optimizer: { algorithm: 'momentum' }, grid: [-3.5, 0.25], reach: 1 } as const;
const SGD = { optimizer: { algorithm: 'sgd' }, grid: [-2.5, 1.25], reach: 1 } as const;
const SHORT = { batchSize: 32, horizon: 300, sliceSize: 4000 } as const;

type Activation = 'relu' | 'tanh';

function dense(hidden: readonly number[], activation: Activation = 'relu'): Family['network'] {
	return ({ shape, classes }) => mlp({ input: shape, hidden, classes, activation });
}

function deep(depth: number, width: number, activation: Activation = 'relu'): Family['network'] {
	return dense(
		Array.from({ length: depth }, () => width),
		activation,
	);
}

const MLP = dense([40, 32, 24]);

/** Networks trained for 1,000 steps on half of the images, then on few of the other half for 100 steps. */
const FINE_TUNED = {
	network: MLP,
	batchSize: 32,
	horizon: 100,
	sliceSize: 500,
} as const;
const FIRST_HALF = { trainShare: [0, 0.5] } as const;
const SECOND_HALF = { trainShare: [0.5, 1] } as const;
const CHANGES = {
	classes: {
		pretraining: { steps: 1000, data: { ...FIRST_HALF, classes: [0, 1, 2, 3, 4] } },
		data: { ...SECOND_HALF, classes: [5, 6, 7, 8, 9] },
	},
	more: {
		pretraining: { steps: 1000, data: { ...FIRST_HALF, classes: [0, 1, 2, 3, 4] } },
		data: SECOND_HALF,
	},
	labels: {
		pretraining: { steps: 1000, data: FIRST_HALF, keepOutputLayer: true },
		data: { ...SECOND_HALF, labelOffset: 1 },
	},
	images: {
		pretraining: { steps: 1000, data: FIRST_HALF, keepOutputLayer: true },
		data: SECOND_HALF,
	},
} as const;

export const FAMILIES: readonly Family[] = [
	{ name: 'plain-adam', about: 'control: 40-32-24, Adam', network: MLP, ...SHORT, ...ADAM },
	{ name: 'plain-momentum', about: 'control: 40-32-24, momentum', network: MLP, ...SHORT, ...MOMENTUM },
	{ name: 'wide-adam', about: 'wide: 160-160, Adam', network: dense([160, 160]), ...SHORT, ...ADAM, horizon: 160 },
	{
		name: 'cnn-adam',
		about: 'control: convolutions 4-8, dense 24, Adam',
		network: small,
		...SHORT,
		...ADAM,
		horizon: 160,
	},
	{
		name: 'cnn-momentum',
		about: 'control: convolutions 4-8, dense 24, momentum',
		network: small,
		...SHORT,
		...MOMENTUM,
		horizon: 160,
	},
	{
		name: 'residual-adam',
		about: 'residual network of 8 layers with batch norm, 4-8-16 filters, Adam',
		network: smallResidual,
		...SHORT,
		...ADAM,
		horizon: 80,
	},
	{
		name: 'residual-momentum',
		about: 'residual network of 8 layers with batch norm, 4-8-16 filters, momentum',
		network: smallResidual,
		...SHORT,
		...MOMENTUM,
		horizon: 80,
	},
	{ name: 'deep-relu-adam', about: '12 layers of 24, ReLU, Adam', network: deep(12, 24), ...SHORT, ...ADAM },
	{
		name: 'deep-relu-momentum',
		about: '12 layers of 24, ReLU, momentum',
		network: deep(12, 24),
		...SHORT,
		...MOMENTUM,
	},
	{ name: 'deep-tanh-adam', about: '12 layers of 24, tanh, Adam', network: deep(12, 24, 'tanh'), ...SHORT, ...ADAM },
	{
		name: 'deep-tanh-momentum',
		about: '12 layers of 24, tanh, momentum',
		network: deep(12, 24, 'tanh'),
		...SHORT,
		...MOMENTUM,
	},
	{
		name: 'scaled-adam',
		about: 'weights × 4, ¼, 4, ¼, Adam',
		network: MLP,
		...SHORT,
		...ADAM,
		scales: [4, 0.25, 4, 0.25],
		reach: 1.5,
	},
	{
		name: 'scaled-momentum',
		about: 'weights × 4, ¼, 4, ¼, momentum',
		network: MLP,
		...SHORT,
		...MOMENTUM,
		scales: [4, 0.25, 4, 0.25],
		grid: [-5, -0.25],
		reach: 2,
	},
	{
		name: 'scales-drawn-adam',
		about: 'weights × 10^U(−1, 1), drawn for each network, Adam',
		network: MLP,
		...SHORT,
		...ADAM,
		scales: { decades: 1 },
	},
	{
		name: 'scales-drawn-momentum',
		about: 'weights × 10^U(−1, 1), drawn for each network, momentum',
		network: MLP,
		...SHORT,
		...MOMENTUM,
		scales: { decades: 1 },
		grid: [-5, -0.25],
	},
	{
		name: 'tuning-classes-adam',
		about: 'fine-tuning: other classes, Adam',
		...FINE_TUNED,
		...ADAM,
		...CHANGES.classes,
	},
	{
		name: 'tuning-classes-momentum',
		about: 'fine-tuning: other classes, momentum',
		...FINE_TUNED,
		...MOMENTUM,
		...CHANGES.classes,
	},
	{
		name: 'tuning-few-adam',
		about: 'fine-tuning: other classes from 100 images, Adam',
		...FINE_TUNED,
		...ADAM,
		...CHANGES.classes,
		sliceSize: 100,
	},
	{ name: 'tuning-more-adam', about: 'fine-tuning: twice the classes, Adam', ...FINE_TUNED, ...ADAM, ...CHANGES.more },
	{ name: 'tuning-labels-adam', about: 'fine-tuning: labels shifted, Adam', ...FINE_TUNED, ...ADAM, ...CHANGES.labels },
	{
		name: 'tuning-labels-momentum',
		about: 'fine-tuning: labels shifted, momentum',
		...FINE_TUNED,
		...MOMENTUM,
		...CHANGES.labels,
	},
	{
		name: 'tuning-images-adam',
		about: 'fine-tuning: other images only, Adam',
		...FINE_TUNED,
		...ADAM,
		...CHANGES.images,
	},
	{
		name: 'large-batch-sgd',
		about: 'batch 256, 60 steps, sgd',
		network: MLP,
		...SGD,
		batchSize: 256,
		horizon: 60,
	},
	{
		name: 'large-batch-momentum',
		about: 'batch 256, 60 steps, momentum',
		network: MLP,
		...MOMENTUM,
		batchSize: 256,
		horizon: 60,
	},
];

function small({ shape, classes }: Pick<Dataset, 'shape' | 'classes'>): NetworkSpec {
	return cnn({ input: shape, filters: [4, 8], hidden: [24], classes, activation: 'relu' });
}

function smallResidual({ shape, classes }: Pick<Dataset, 'shape' | 'classes'>): NetworkSpec {
	return residual({ input: shape, classes, blocks: 1, width: 4 });
}

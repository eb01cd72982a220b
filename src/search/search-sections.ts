import { z } from 'zod';
import { ALGORITHMS } from '../optimizer/algorithms.js';
import {
	boolean,
	choice,
	integer,
	integers,
	list,
	number,
	type SettingsOf,
	section,
} from '../settings/setting-fields.js';

/** The sections of a search's config; MetaQNN's values where nothing else is said. */

/** `strict`: a window must be smaller than the bucketed size, as in the authors' code; `inclusive`: or as large, as in the paper. */
export const FITS = ['strict', 'inclusive'] as const;
export type Fit = (typeof FITS)[number];

/** Where dropout stands: as the paper says, as the authors' code does, or nowhere. */
export const DROPOUTS = ['every-second-layer', 'every-second-and-dense', 'none'] as const;
export type Dropout = (typeof DROPOUTS)[number];

/**
 * `space`: limits of the state space of MetaQNN, those of the paper (tables 1 and 2 and the authors' configurations) but for depth. Lists hold
 * distinct values; their order is that of the actions.
 */
export const spaceSection = section({
	maximumDepth: integer({
		default: 18,
		option: '--max-depth <n>',
		group: 'Settings',
		min: 0,
		max: 120,
		unit: 'layers',
		description: 'Layers before the softmax; global average pooling is one.',
	}),
	filters: integers({
		default: [64, 128, 256, 512],
		empty: true,
		min: 1,
		max: 65536,
		description: 'Filters of convolutions.',
	}),
	kernelSizes: integers({ default: [1, 3, 5], empty: true, min: 1, max: 5, description: 'Of them 1, 3 and 5.' }),
	strides: integers({ default: [1], empty: true, min: 1, max: 2, description: 'Strides of convolutions.' }),
	pools: list(z.tuple([z.int().min(2).max(5), z.int().min(1).max(3)]), {
		default: [
			[5, 3],
			[3, 2],
			[2, 2],
		],
		empty: true,
		expected: 'a list of [size, stride], sizes 2 to 5, strides 1 to 3',
		description: 'Windows of max pooling.',
	}),
	initialPooling: boolean({ default: false, description: 'Whether the input itself may be pooled.' }),
	consecutivePooling: boolean({ default: false, description: 'Whether pooling may follow pooling.' }),
	denseUnits: integers({
		default: [512, 256, 128],
		empty: true,
		min: 1,
		max: 65536,
		description: 'Units of dense layers; one that follows another has no more units than it.',
	}),
	maximumDense: integer({
		default: 2,
		min: 0,
		max: 16,
		unit: 'layers',
		description: 'Dense layers in a row.',
	}),
	denseMaximumSize: integer({
		default: 4,
		min: 1,
		max: 4096,
		unit: 'pixels',
		description: 'Largest bucket of sizes that a dense layer may follow.',
	}),
	globalAveragePooling: boolean({ default: true, description: 'Whether there is global average pooling.' }),
	sizeBuckets: integers({
		default: [8, 4, 1],
		min: 1,
		max: 4096,
		unit: 'pixels',
		description: 'The agent sees a representation size as the largest of these that it reaches; 1 is one of them.',
	}),
	fit: choice(FITS, {
		default: 'strict',
		option: '--fit <rule>',
		group: 'Settings',
		description: "Windows are smaller than the bucketed size ('strict'), or at most as large ('inclusive').",
	}),
});

/** `learner`: how architectures are chosen. */
export const searchLearnerSection = section({
	strategy: choice(['q-learning', 'random'], {
		default: 'q-learning',
		description: "'random' draws as ε = 1 does throughout: the rival of equal budget.",
	}),
	epsilons: list(z.tuple([z.number().min(0).max(1), z.int().min(1)]), {
		default: [
			[1, 1500],
			[0.9, 100],
			[0.8, 100],
			[0.7, 100],
			[0.6, 150],
			[0.5, 150],
			[0.4, 150],
			[0.3, 150],
			[0.2, 150],
			[0.1, 150],
		],
		expected: 'a list of [ε from 0 to 1, models of at least 1]',
		description: 'ε and how many unique models are trained at it; their sum is the length of the search.',
	}),
	learningRate: number({ default: 0.01, min: 0, above: true, max: 1, description: 'α of the Q-update.' }),
	discount: number({ default: 1, min: 0, max: 1, description: 'γ of the Q-update.' }),
	initialValue: number({ default: 0.5, min: 0, max: 1, description: 'Of every entry of the Q-table.' }),
	replaySamples: integer({
		default: 100,
		min: 0,
		max: 100_000,
		unit: 'trajectories',
		description: 'Drawn from the replay memory for Q-updates after every model.',
	}),
	parallel: integer({
		default: 4,
		min: 1,
		max: 1024,
		unit: 'models',
		description:
			'Model i is chosen from the Q-table as model i minus this left it: so many models are under way at once. Decides the result; the number of workers does not.',
	}),
	maximumRepeats: integer({
		default: 1000,
		min: 1,
		max: 1_000_000_000,
		unit: 'models',
		description: 'The search ends early after so many choices in a row that had been made before.',
	}),
});

/** `training`: how sampled models are trained. */
export const modelTrainingSection = section({
	epochs: integer({ default: 20, min: 1, max: 100_000, unit: 'epochs', description: 'Training of a sampled model.' }),
	batchSize: integer({ default: 128, min: 1, max: 65536, unit: 'images', description: 'Of all trainings.' }),
	learningRate: number({ default: 1e-3, min: 1e-12, max: 10, description: "Adam's, at the first try." }),
	decay: number({ default: 0.2, min: 0, max: 1, description: 'What drops multiply the learning rate by.' }),
	decayEpochs: integer({ default: 5, min: 1, max: 100_000, unit: 'epochs', description: 'From drop to drop.' }),
	weightDecay: number({ default: 0, min: 0, max: 1, description: "L2 penalty; the authors' code: 5e-4." }),
	dropout: choice(DROPOUTS, {
		default: 'every-second-layer',
		description: "Where dropout stands; the i-th of n has rate i / 2n. 'every-second-and-dense': the authors' code.",
	}),
	tries: integer({
		default: 5,
		min: 1,
		max: 100,
		description: 'Learning rates tried on a model that does not start.',
	}),
	retryFactor: number({ default: 0.4, min: 1e-6, max: 1, description: 'From try to try.' }),
	chanceFactor: number({
		default: 1.5,
		min: 0,
		max: 100,
		description:
			'A try is given up when its accuracy after the first epoch is at most this times that of guessing (10 classes: 0.15).',
	}),
	stopHopeless: boolean({
		default: false,
		description: 'Stop a model whose best accuracy after half of the epochs is below the median of all models there.',
	}),
	sliceSize: integer({
		default: 0,
		min: 0,
		max: 10_000_000,
		unit: 'images',
		description: 'Training images of a model, drawn for it; 0: all.',
	}),
	validationSize: integer({ default: 5000, min: 1, max: 10_000_000, unit: 'images', description: 'Judge a model.' }),
});

/** `retraining`: how the best are trained again, for longer. */
export const retrainingSection = section({
	count: integer({ default: 10, min: 0, max: 1000, unit: 'models', description: 'The best, trained for longer.' }),
	epochs: integer({ default: 300, min: 1, max: 100_000, unit: 'epochs', description: 'Their training.' }),
	optimizer: choice(ALGORITHMS, { default: 'momentum', description: 'Their optimiser.' }),
	learningRate: number({ default: 0.025, min: 1e-12, max: 10, description: 'Their initial learning rate.' }),
	milestones: list(z.number().min(0).max(1), {
		default: [40 / 300, 80 / 300, 240 / 300],
		expected: 'a list of parts of the training, from 0 to 1',
		description: 'Where their learning rate drops.',
	}),
	decays: list(z.number().min(0).max(1), {
		default: [0.5, 0.008, 0.1],
		expected: 'a list of factors from 0 to 1',
		description: 'What the drops multiply it by, one a milestone.',
	}),
	sliceSize: integer({ default: 0, min: 0, max: 10_000_000, unit: 'images', description: 'As training.sliceSize.' }),
});

/** Limits of a search space: the section `space` of a search's config (docs/search.md lists its keys). */
export interface SpaceLimits extends SettingsOf<typeof spaceSection> {}

/** The section `learner` of a search's config. */
export interface SearchLearnerSettings extends SettingsOf<typeof searchLearnerSection> {}

/** The sections `training` and `retraining`. */
export type ModelSection = SettingsOf<typeof modelTrainingSection>;
export type RetrainingSection = SettingsOf<typeof retrainingSection>;

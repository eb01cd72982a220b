import { z } from 'zod';
import { configSchema } from '../config/config.js';
import { boolean, choice, integer, integers, list, number } from '../config/config-fields.js';
import { type ConfigKey, type ConfigLayer, configKeys, parseLayers } from '../config/config-load.js';
import { GannoError } from '../errors.js';
import { ALGORITHMS } from '../optimizer/algorithms.js';
import { checkSpace, FITS, PAPER_LIMITS, type SearchSpace, type SpaceLimits } from './space.js';

/** Everything that decides how an architecture search goes; MetaQNN's values where nothing else is said. */

const { seed, dataset, dataDirectory, downsample, partialDataset, workers, device, precision } = configSchema.shape;

const spaceSection = z
	.strictObject({
		maximumDepth: integer({
			default: PAPER_LIMITS.maximumDepth,
			min: 0,
			max: 120,
			unit: 'layers',
			description: 'Layers before the softmax; global average pooling is one.',
		}),
		filters: integers({ default: PAPER_LIMITS.filters, min: 1, max: 65536, description: 'Filters of convolutions.' }),
		kernelSizes: integers({ default: PAPER_LIMITS.kernelSizes, min: 1, max: 5, description: 'Of them 1, 3 and 5.' }),
		strides: integers({ default: PAPER_LIMITS.strides, min: 1, max: 2, description: 'Strides of convolutions.' }),
		pools: list(z.tuple([z.int().min(2).max(5), z.int().min(1).max(3)]), {
			default: PAPER_LIMITS.pools.map(([size, stride]): [number, number] => [size, stride]),
			expected: 'a list of [size, stride], sizes 2 to 5, strides 1 to 3',
			description: 'Windows of max pooling.',
		}),
		initialPooling: boolean({ default: false, description: 'Whether the input itself may be pooled.' }),
		consecutivePooling: boolean({ default: false, description: 'Whether pooling may follow pooling.' }),
		denseUnits: integers({
			default: PAPER_LIMITS.denseUnits,
			min: 1,
			max: 65536,
			description: 'Units of dense layers; one that follows another has no more units than it.',
		}),
		maximumDense: integer({
			default: PAPER_LIMITS.maximumDense,
			min: 0,
			max: 16,
			unit: 'layers',
			description: 'Dense layers in a row.',
		}),
		denseMaximumSize: integer({
			default: PAPER_LIMITS.denseMaximumSize,
			min: 1,
			max: 4096,
			unit: 'pixels',
			description: 'Largest bucket of sizes that a dense layer may follow.',
		}),
		globalAveragePooling: boolean({ default: true, description: 'Whether there is global average pooling.' }),
		sizeBuckets: integers({
			default: PAPER_LIMITS.sizeBuckets,
			min: 1,
			max: 4096,
			unit: 'pixels',
			description: 'The agent sees a representation size as the largest of these that it reaches; 1 is one of them.',
		}),
		fit: choice(FITS, {
			default: PAPER_LIMITS.fit,
			description: "Windows are smaller than the bucketed size ('strict'), or at most as large ('inclusive').",
		}),
	})
	.prefault({});

const learnerSection = z
	.strictObject({
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
	})
	.prefault({});

const trainingSection = z
	.strictObject({
		epochs: integer({ default: 20, min: 1, max: 100_000, unit: 'epochs', description: 'Training of a sampled model.' }),
		batchSize: integer({ default: 128, min: 1, max: 65536, unit: 'images', description: 'Of all trainings.' }),
		learningRate: number({ default: 1e-3, min: 1e-12, max: 10, description: "Adam's, at the first try." }),
		decay: number({ default: 0.2, min: 0, max: 1, description: 'What drops multiply the learning rate by.' }),
		decayEpochs: integer({ default: 5, min: 1, max: 100_000, unit: 'epochs', description: 'From drop to drop.' }),
		weightDecay: number({ default: 0, min: 0, max: 1, description: "L2 penalty; the authors' code: 5e-4." }),
		dropout: choice(['every-second-layer', 'every-second-and-dense', 'none'], {
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
	})
	.prefault({});

const retrainingSection = z
	.strictObject({
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
	})
	.prefault({});

export const searchConfigSchema = z.strictObject({
	seed,
	dataset,
	dataDirectory,
	downsample,
	partialDataset,
	workers,
	device,
	precision,
	space: spaceSection,
	learner: learnerSection,
	training: trainingSection,
	retraining: retrainingSection,
});

/** A search's settings, complete. */
export type SearchConfig = z.infer<typeof searchConfigSchema>;

/** Settings that may differ when a search goes on: they change no bit of the log. */
export const RESUMABLE_SEARCH_SETTINGS = ['workers', 'device', 'dataDirectory'] as const;

/** Settings as a user gives them: every key optional. */
export type SearchConfigInput = z.input<typeof searchConfigSchema>;

/** Every key with its default, unit and one sentence; docs/search.md prints it. */
export function searchConfigReference(): ConfigKey[] {
	return configKeys(searchConfigSchema);
}

/**
 * The config of some layers, weakest first.
 * @throws GannoError `INVALID_CONFIG`, `INVALID_ARGUMENT`
 */
export function resolveSearchConfig(layers: readonly ConfigLayer[]): SearchConfig {
	const config = parseLayers(searchConfigSchema, layers, 'docs/search.md');
	spaceOf(config, 1);
	const { milestones, decays } = config.retraining;
	if (milestones.length !== decays.length) {
		throw new GannoError(
			'INVALID_CONFIG',
			`Expected ${milestones.length} factors, one a milestone, for retraining.decays but received ${decays.length}`,
		);
	}
	return config;
}

/** The search space of a config, for images of a size. */
export function spaceOf({ space }: SearchConfig, imageSize: number): SearchSpace {
	return checkSpace({ ...(space as SpaceLimits), imageSize });
}

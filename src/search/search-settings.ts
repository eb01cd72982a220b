import type { Dataset } from '../datasets/dataset.js';
import { syntheticDataset } from '../datasets/synthetic.js';
import { GannoError } from '../errors.js';
import type { LineLogOrigin } from '../files/line-log.js';
import { type OpenDatasetOptions, openNamedDataset } from '../runs/open-dataset.js';
import { dataRecord, decisiveSettings, logOrigin } from '../runs/run-origin.js';
import type { SearchSettings } from './run-search.js';
import { RESUMABLE_SEARCH_SETTINGS, resolveSearchConfig, type SearchConfig, spaceOf } from './search-config.js';
import type { SearchSpace } from './space.js';
import type { ModelTrainingSettings } from './train-model.js';

/** The data set a search's config names. */
export async function openSearchDataset(config: SearchConfig, options: OpenDatasetOptions = {}): Promise<Dataset> {
	if (config.dataset !== 'synthetic') return openNamedDataset(config.dataset, config, options);
	const { training, retraining } = config;
	const train = Math.max(training.sliceSize, retraining.sliceSize, 384);
	return syntheticDataset({ size: Math.ceil((train * 5) / 3 / 20) * 20 });
}

/** The space of a config over a data set, whose images must be square. */
export function datasetSpace(config: SearchConfig, { name, shape: [height, width] }: Dataset): SearchSpace {
	if (height !== width) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			`A search needs square images, but those of ${name} are ${height}×${width}`,
		);
	}
	return spaceOf(config, height);
}

export function searchSettings({ seed, learner }: SearchConfig): SearchSettings {
	return { ...learner, seed };
}

/** How sampled models are trained. */
export function trainingSettings(config: SearchConfig, dataset: Dataset): ModelTrainingSettings {
	const { decay, decayEpochs, weightDecay, ...training } = config.training;
	const drops = Math.ceil(training.epochs / decayEpochs) - 1;
	return {
		...training,
		...sizesOf(dataset),
		optimizer: { algorithm: 'adam', hyperparameters: { weightDecay } },
		milestones: Array.from({ length: drops }, (_, i) => ((i + 1) * decayEpochs) / training.epochs),
		decays: Array.from({ length: drops }, () => decay),
	};
}

/** How the best are trained again, for longer. */
export function retrainingSettings(config: SearchConfig, dataset: Dataset): ModelTrainingSettings {
	const { optimizer, milestones, decays, ...retraining } = config.retraining;
	return {
		...trainingSettings(config, dataset),
		...retraining,
		optimizer: { algorithm: optimizer },
		milestones,
		decays,
		stopHopeless: false,
	};
}

function sizesOf({ shape, classes, splits }: Dataset) {
	return { input: shape, classes, trainImages: splits.train.length, validationImages: splits.validation.length };
}

/** What the logs of a search come from. */
export interface SearchOrigins {
	/** Of the models it chooses. */
	readonly search: LineLogOrigin;
	/** Of the networks that are trained for longer. */
	readonly retraining: LineLogOrigin;
}

/** @param path of the config, for messages */
export function searchOrigins(config: SearchConfig, dataset: Dataset, path: string): SearchOrigins {
	const data = dataRecord(dataset);
	const origin = (decisive: (settings: SearchConfig) => Record<string, unknown>): LineLogOrigin =>
		logOrigin({ settings: decisive(config), data }, (values) =>
			decisive(resolveSearchConfig([{ source: path, values }])),
		);
	return {
		search: origin((settings) => decisiveSettings(settings, [...RESUMABLE_SEARCH_SETTINGS, 'retraining'])),
		retraining: origin((settings) => {
			// How many there are decides nothing about each.
			const { count: _, ...retraining } = settings.retraining;
			return decisiveSettings({ ...settings, retraining }, [...RESUMABLE_SEARCH_SETTINGS, 'space', 'learner']);
		}),
	};
}

import { checkBoolean, checkKeys, keysOf } from '../arguments.js';
import { accuracyOrChance } from '../environment/final-scores.js';
import { GannoError } from '../errors.js';
import type { OptimizerSpec } from '../optimizer/algorithms.js';
import type { MethodSpec } from '../rollouts/controller-spec.js';
import type { Episode, EpisodeResult, EpisodeSession } from '../rollouts/executor.js';
import type { Architecture } from './architecture.js';
import { architectureNetwork } from './architecture-network.js';
import type { SearchEntry } from './replay-log.js';
import type { ModelOutcome, ModelRequest } from './run-search.js';
import type { ModelSection, RetrainingSection } from './search-sections.js';

/** How models are trained, the same for all of a search: from the sections `training` and `retraining` of its config, and its data. */
export interface ModelTrainingSettings
	extends Omit<ModelSection, 'decay' | 'decayEpochs' | 'weightDecay'>,
		Pick<RetrainingSection, 'milestones' | 'decays'> {
	readonly input: readonly [height: number, width: number, channels: number];
	readonly classes: number;
	/** Images of the training split. */
	readonly trainImages: number;
	readonly validationImages: number;
	readonly optimizer: OptimizerSpec;
}

const SETTINGS_KEYS = keysOf<ModelTrainingSettings>({
	input: true,
	classes: true,
	trainImages: true,
	validationImages: true,
	epochs: true,
	batchSize: true,
	optimizer: true,
	learningRate: true,
	milestones: true,
	decays: true,
	dropout: true,
	tries: true,
	retryFactor: true,
	chanceFactor: true,
	stopHopeless: true,
	sliceSize: true,
	validationSize: true,
});

/**
 * Trains a sampled model as the paper does (section 4.2 and appendix): Adam, a learning rate that drops; where its accuracy
 * after the first epoch is at chance level, again with a smaller one. Its reward is the best epoch's validation accuracy, or chance level when
 * every try failed. A model that does not fit into memory has none.
 * @throws GannoError `CANCELLED`, `WORKER_FAILED`
 */
export async function trainModel(
	session: EpisodeSession,
	settings: ModelTrainingSettings,
	{ model, architecture, seed, committed }: ModelRequest,
): Promise<ModelOutcome> {
	checkKeys(settings, 'settings', SETTINGS_KEYS);
	checkBoolean(settings.stopHopeless, 'settings.stopHopeless');
	const hopeless = settings.stopHopeless ? hopelessBelow(committed, settings.epochs) : undefined;
	try {
		const { result, accuracies, started, tries, learningRate } = await trainUntilStarted(session, settings, {
			index: model,
			architecture,
			seed,
			...(hopeless === undefined ? {} : { hopeless }),
		});
		const accuracy = accuracyOrChance(Math.max(...accuracies), !started, settings.classes);
		const remark = !started
			? 'no try got beyond guessing'
			: accuracies.length < settings.epochs
				? 'stopped early'
				: result.diverged[0] === 1
					? 'diverged'
					: undefined;
		const training = { seed, learningRate, tries, accuracies, ...(remark === undefined ? {} : { remark }) };
		return { accuracy, training };
	} catch (error) {
		if (!(error instanceof GannoError) || error.code !== 'OUT_OF_MEMORY') throw error;
		const training = { seed, learningRate: settings.learningRate, tries: 1, accuracies: [], remark: 'out of memory' };
		return { accuracy: null, training };
	}
}

export interface TrainingRequest {
	readonly index: number;
	readonly architecture: Architecture;
	readonly seed: number;
	/** Stopped where its accuracy after half of the epochs is at most this. */
	readonly hopeless?: number;
	/** Default: the learning-rate schedule of the settings. */
	readonly method?: MethodSpec;
	/** Of a method that decides otherwise than once an epoch. */
	readonly decisions?: number;
	readonly parameters?: boolean;
}

export interface TrainedModel {
	readonly result: EpisodeResult;
	/** Validation accuracy after each interval of the last try. */
	readonly accuracies: readonly number[];
	/** Whether it was above chance level after the first epoch of the last try. */
	readonly started: boolean;
	readonly tries: number;
	/** Of the last try. */
	readonly learningRate: number;
}

/** Tries smaller and smaller learning rates until one gets above chance level. */
export async function trainUntilStarted(
	session: EpisodeSession,
	settings: ModelTrainingSettings,
	request: TrainingRequest,
): Promise<TrainedModel> {
	const chance = settings.chanceFactor / settings.classes;
	for (let tries = 1; ; tries++) {
		const learningRate = settings.learningRate * settings.retryFactor ** (tries - 1);
		const episode = modelEpisode(settings, request, learningRate, chance);
		const result = await session.run(episode);
		const accuracies = accuraciesOf(episode, result);
		const { horizon, interval } = episode.task;
		const firstEpoch = Math.ceil(horizon / settings.epochs / interval);
		const started = (accuracies[firstEpoch - 1] ?? 0) > chance;
		if (started || tries >= settings.tries) return { result, accuracies, started, tries, learningRate };
	}
}

function modelEpisode(
	settings: ModelTrainingSettings,
	{ index, architecture, seed, hopeless, method, decisions, parameters = false }: TrainingRequest,
	learningRate: number,
	chance: number,
): Episode {
	const { input, classes, dropout, trainImages, epochs, batchSize, sliceSize, validationSize } = settings;
	const images = sliceSize === 0 ? trainImages : Math.min(sliceSize, trainImages);
	const batch = Math.min(batchSize, images);
	const epochSteps = Math.floor(images / batch);
	const interval = decisions === undefined ? epochSteps : Math.max(1, Math.round((epochs * epochSteps) / decisions));
	const horizon = decisions === undefined ? epochs * epochSteps : interval * decisions;
	const minimumAccuracies: number[] = [];
	if (decisions === undefined) {
		minimumAccuracies[0] = chance;
		const half = Math.floor(epochs / 2);
		for (let epoch = 1; epoch < half; epoch++) minimumAccuracies[epoch] = -1;
		if (hopeless !== undefined && half > 1) minimumAccuracies[half - 1] = hopeless;
	}
	return {
		task: {
			index,
			spec: architectureNetwork(architecture, { input, classes, dropout }),
			optimizer: settings.optimizer,
			batchSize: batch,
			horizon,
			interval,
			...(images < trainImages ? { sliceSize: images } : {}),
			validationSize: Math.min(validationSize, settings.validationImages),
			networks: [{ seed, learningRate }],
		},
		method: method ?? {
			type: 'schedule',
			name: 'step',
			options: { milestones: settings.milestones, gamma: settings.decays },
		},
		minimumAccuracies,
		parameters,
	};
}

/** Accuracies after each interval up to where the episode was given up. The history repeats the last one from there on. */
function accuraciesOf(episode: Episode, { history }: EpisodeResult): number[] {
	const accuracies = Array.from(history.validationAccuracy.subarray(1));
	const end = accuracies.findIndex((accuracy, i) => accuracy <= (episode.minimumAccuracies?.[i] ?? -1));
	return end < 0 ? accuracies : accuracies.slice(0, end + 1);
}

/** The median of the accuracies of all models after half of the epochs (Golovin et al. 2017, section 3.2.2); undefined before there are five. */
function hopelessBelow(committed: readonly SearchEntry[], epochs: number): number | undefined {
	const half = Math.floor(epochs / 2);
	const values = committed.flatMap(({ training }) => training?.accuracies[half - 1] ?? []).sort((a, b) => a - b);
	if (values.length < 5) return undefined;
	const middle = values.length / 2;
	const median = ((values[Math.ceil(middle) - 1] as number) + (values[Math.floor(middle)] as number)) / 2;
	return median - 1e-9; // a model at the median itself continues
}

import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { type LineFormat, LineLog, type LineLogOrigin, uncheckedLines } from '../files/line-log.js';
import { inferShapes } from '../networks/shapes.js';
import { PhiloxGenerator } from '../philox.js';
import type { PolicySnapshot } from '../policy/policy.js';
import { policyDigest } from '../policy/policy-digest.js';
import { networkOutcome } from '../rollouts/episodes/outcomes.js';
import type { EpisodeSession } from '../rollouts/executor.js';
import { DEFAULT_DECISIONS } from '../tasks/task.js';
import { formatArchitecture, parseArchitecture } from './architecture.js';
import { architectureNetwork } from './architecture-network.js';
import type { SearchEntry } from './replay-log.js';
import type { SearchDirectory } from './search-directory.js';
import { type ModelTrainingSettings, trainUntilStarted } from './train-model.js';

/** A network that was trained for longer. */
export interface RetrainedModel {
	/** From 1: the place among the search's best. */
	readonly rank: number;
	readonly architecture: string;
	/** What set its learning rates: the schedule of the settings, or a policy. */
	readonly trainer: 'schedule' | 'policy';
	/** Of a policy, as it was named. */
	readonly policy?: string;
	/** Of a policy: another one by the same name is another one. */
	readonly policyDigest?: string;
	/** What the search paid for it; null where it was given by hand. */
	readonly searchAccuracy: number | null;
	readonly validationAccuracy: number;
	readonly bestValidationAccuracy: number;
	readonly testAccuracy: number;
	readonly testLoss: number;
	readonly parameters: number;
	readonly learningRate: number;
	readonly tries: number;
	/** Path of its tfjs model. */
	readonly model: string;
}

export interface RetrainOptions {
	readonly directory: SearchDirectory;
	readonly session: EpisodeSession;
	readonly settings: ModelTrainingSettings;
	readonly candidates: readonly Pick<SearchEntry, 'architecture' | 'accuracy'>[];
	/** What decides the results beside the candidates. */
	readonly origin: LineLogOrigin;
	/** Of each candidate, and its inputs; written into the models. */
	readonly metadata: object;
	/** Trains every candidate too, from the same initial weights on the same batches. */
	readonly policy?: PolicySnapshot | undefined;
	/** By which its results are known again. */
	readonly policyName?: string | undefined;
	readonly onModel?: (done: number, total: number, model: RetrainedModel) => void;
	/** Called with a sentence about what cannot be made sure of. */
	readonly onWarning?: (message: string) => void;
}

/** The best models of a log by the accuracy that the search paid, each architecture once. */
export function bestModels(entries: readonly SearchEntry[], count: number): SearchEntry[] {
	return entries
		.filter(({ accuracy, repeats }) => accuracy !== null && repeats === undefined)
		.sort((a, b) => (b.accuracy as number) - (a.accuracy as number) || a.model - b.model)
		.slice(0, count);
}

/**
 * Trains the candidates again, for longer, judges them on the test split, and writes them as tfjs models. Each is kept as soon as it is done;
 * what is there already is not trained again.
 */
export async function retrain(options: RetrainOptions): Promise<RetrainedModel[]> {
	const { candidates, policy, onModel } = options;
	const trainers = policy === undefined ? (['schedule'] as const) : (['schedule', 'policy'] as const);
	using log = new LineLog(options.directory.file('retrained'), LOG_FORMAT, options.origin);
	if (log.unchecked > 0) options.onWarning?.(uncheckedLines(log));
	let done = 0;
	return await Promise.all(
		candidates.flatMap((candidate, i) =>
			trainers.map(async (trainer) => {
				const key = { architecture: candidate.architecture, rank: i + 1, trainer, policy: policyOf(options, trainer) };
				const before = log.entries.find(
					(model) => isDeepStrictEqual(keyOf(model), key) && isOf(policy, model) && existsSync(model.model),
				);
				const model = before ?? (await retrainOne(options, candidate, i + 1, trainer));
				if (before === undefined) log.append(model);
				onModel?.(++done, candidates.length * trainers.length, model);
				return model;
			}),
		),
	);
}

function policyOf({ policyName }: RetrainOptions, trainer: RetrainedModel['trainer']): string | undefined {
	return trainer === 'policy' ? policyName : undefined;
}

/** A version of ganno before digests tells policies by their names alone. */
function isOf(policy: PolicySnapshot | undefined, { trainer, policyDigest: digest }: RetrainedModel): boolean {
	return trainer === 'schedule' || policy === undefined || digest === undefined || digest === policyDigest(policy);
}

function keyOf({ architecture, rank, trainer, policy }: RetrainedModel) {
	return { architecture, rank, trainer, policy };
}

const LOG_FORMAT: LineFormat<RetrainedModel> = {
	parse(value) {
		const model = value as RetrainedModel;
		const { architecture, rank } = model;
		return typeof architecture === 'string' && typeof rank === 'number' && typeof model.model === 'string'
			? model
			: undefined;
	},
	expected: () => 'a retrained model',
	kept: 'The models that were retrained before are kept',
};

async function retrainOne(
	options: RetrainOptions,
	candidate: RetrainOptions['candidates'][number],
	rank: number,
	trainer: RetrainedModel['trainer'],
): Promise<RetrainedModel> {
	const { directory, session, settings, metadata, policy } = options;
	const architecture = parseArchitecture(candidate.architecture);
	const underPolicy = policy !== undefined && trainer === 'policy';
	const { result, accuracies, tries, learningRate } = await trainUntilStarted(session, settings, {
		index: rank,
		architecture,
		// Beyond every model's: see run-search.
		seed: new PhiloxGenerator(directory.config.seed, 'task', 2 ** 40 + rank).nextUint32(),
		parameters: true,
		...(underPolicy ? { method: { type: 'policy', policy }, decisions: DEFAULT_DECISIONS } : {}),
	});
	const { validationAccuracy, testLoss, testAccuracy } = networkOutcome(result.outcomes, 0);
	const { input, classes, dropout } = settings;
	const spec = architectureNetwork(architecture, { input, classes, dropout });
	const text = formatArchitecture(architecture);
	const about = { ...metadata, architecture: text, trainer, testAccuracy };
	return {
		rank,
		architecture: text,
		trainer,
		...(underPolicy ? { policy: options.policyName ?? '', policyDigest: policyDigest(policy) } : {}),
		searchAccuracy: candidate.accuracy,
		validationAccuracy,
		bestValidationAccuracy: Math.max(...accuracies),
		testAccuracy,
		testLoss,
		parameters: inferShapes(spec).parameterCount,
		learningRate,
		tries,
		model: directory.writeModel(`${rank}-${trainer}`, spec, result.parameters as Float32Array, about),
	};
}

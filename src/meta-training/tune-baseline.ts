import { checkFunction, checkKeys, checkSignal, keysOf } from '../arguments.js';
import type { Config } from '../config/config.js';
import type { Dataset } from '../datasets/dataset.js';
import { finalLogLoss } from '../environment/final-scores.js';
import type { Algorithm } from '../optimizer/algorithms.js';
import { networkOutcome } from '../rollouts/episodes/outcomes.js';
import type { RolloutExecutor } from '../rollouts/executor.js';
import { tuningTasks } from '../runs/sample-tasks.js';
import { bestOfGrid, type GridChoice } from '../schedules/learning-rate-grid.js';
import type { TrainingTask } from '../tasks/task.js';

/** Learning rates that the search may go to when the best of the grid is its lowest or highest. */
const LIMITS = { low: 1e-6, high: 10 } as const;

/** How one learning rate of the cosine fared for an optimiser. */
export interface BaselineTrial {
	readonly optimizer: Algorithm;
	readonly learningRate: number;
	/** Mean over the tasks of ln of the final validation loss, at most ln 4 V₀; a network that diverged counts as that. */
	readonly logLoss: number;
	/** Child networks trained. */
	readonly networks: number;
}

export interface TuneBaselineOptions {
	readonly config: Config;
	readonly dataset: Dataset;
	/** Of {@link withoutBaseline}: a baseline cannot be tuned against itself. */
	readonly executor: RolloutExecutor;
	readonly signal?: AbortSignal;
	readonly onTrial?: (trial: BaselineTrial) => void;
}

const OPTION_NAMES = keysOf<TuneBaselineOptions>({
	config: true,
	dataset: true,
	executor: true,
	signal: true,
	onTrial: true,
});

/** Whether the config asks for a baseline whose learning rates are yet to be found. */
export function needsBaseline({ environment }: Config): boolean {
	return environment.reward === 'baseline' && environment.baselineLearningRate === 'tuned';
}

/** The config with the default reward: what the baseline's own runs, and evaluations, take. */
export function withoutBaseline(config: Config): Config {
	return { ...config, environment: { ...config.environment, reward: 'log-improvement' } };
}

/**
 * Finds the learning rate of the `baseline` reward's cosine for every child optimiser: the one of `evaluation.tuningLearningRates` with the
 * lowest log loss over `evaluation.tuningSeeds` tasks of the run's own distribution, the grid carried on where its end is the best.
 * A pure function of the config and the data set.
 * @returns the config with the learning rates in place of 'tuned'
 */
export async function tuneBaseline(options: TuneBaselineOptions): Promise<Config> {
	checkKeys(options, 'options', OPTION_NAMES);
	checkSignal(options.signal);
	checkFunction(options.onTrial, 'onTrial');
	const { config } = options;
	const found: Partial<Record<Algorithm, number>> = {};
	for (const optimizer of algorithms(config)) {
		const trials: BaselineTrial[] = [];
		for (let rates = config.evaluation.tuningLearningRates; rates.length > 0; rates = beyond(trials)) {
			for (const trial of await tryRates(options, optimizer, rates)) {
				trials.push(trial);
				options.onTrial?.(trial);
			}
		}
		found[optimizer] = best(trials).best.learningRate;
	}
	return { ...config, environment: { ...config.environment, baselineLearningRate: found } };
}

function algorithms({ tasks }: Config): readonly Algorithm[] {
	return [...new Set(tasks.optimizers.map((entry) => (typeof entry === 'string' ? entry : entry.algorithm)))];
}

function best(trials: readonly BaselineTrial[]): GridChoice<BaselineTrial> {
	return bestOfGrid(trials, ({ logLoss }) => -logLoss);
}

/** The next learning rate where the best is at an end of those tried; none where it is not, or where the limits are reached. */
function beyond(trials: readonly BaselineTrial[]): number[] {
	const rates = trials.map(({ learningRate }) => learningRate).toSorted((a, b) => a - b) as [number, number];
	const [low, second] = rates;
	const [next, high] = rates.slice(-2) as [number, number];
	const { edge } = best(trials);
	if (edge === 'highest' && high < LIMITS.high) return [Math.min(high * (high / next), LIMITS.high)];
	if (edge === 'lowest' && low > LIMITS.low) return [Math.max(low * (low / second), LIMITS.low)];
	return [];
}

async function tryRates(
	{ config, dataset, executor, signal }: TuneBaselineOptions,
	optimizer: Algorithm,
	rates: readonly number[],
): Promise<BaselineTrial[]> {
	const tasks = tuningTasks(config, dataset, optimizer, config.evaluation.tuningSeeds);
	const method = { type: 'schedule', name: 'cosine' } as const;
	const episodes = rates.flatMap((rate) => tasks.map((task) => ({ task: startingAt(task, rate), method })));
	const logLosses: number[] = [];
	const results = executor.evaluate(episodes, { test: false, ...(signal === undefined ? {} : { signal }) });
	for await (const { outcomes, diverged } of results) {
		for (let n = 0; n < diverged.length; n++) {
			const { initialLoss, validationLoss } = networkOutcome(outcomes, n);
			logLosses.push(finalLogLoss(initialLoss, validationLoss, diverged[n] === 1));
		}
	}
	const networks = logLosses.length / rates.length;
	return rates.map((learningRate, i) => {
		const own = logLosses.slice(i * networks, (i + 1) * networks);
		return { optimizer, learningRate, networks, logLoss: own.reduce((sum, value) => sum + value / networks, 0) };
	});
}

function startingAt(task: TrainingTask, learningRate: number): TrainingTask {
	return { ...task, networks: task.networks.map((network) => ({ ...network, learningRate })) };
}

import { checkFunction, checkKeys, checkNumber, checkOneOf, invalidArgument, keysOf } from '../arguments.js';
import { type Controller, checkController } from '../environment/controller.js';
import { checkEnvironment, runEpisode } from '../environment/episode.js';
import { accuracyOrChance, finalLogLoss } from '../environment/final-scores.js';
import type { TrainingEnvironment } from '../environment/training-environment.js';
import { meanAndError } from '../means.js';
import { checkTask, type TrainingTask } from '../tasks/task.js';
import { bestOfGrid } from './learning-rate-grid.js';

export interface TuneOptions {
	readonly environment: TrainingEnvironment;
	readonly controller: Controller;
	/** What to tune for: its networks run once per learning rate. Tuning tasks must not be the ones later compared on. */
	readonly task: TrainingTask;
	/** Initial learning rates to try (default {@link DEFAULT_GRID}); layer multipliers of the task are kept. */
	readonly learningRates?: readonly number[];
	/** `[networks]`, in place of the task's own: the tuning seeds */
	readonly seeds?: Uint32Array;
	/** Judged on the validation images at the end: mean accuracy (default), or mean log loss. */
	readonly criterion?: 'accuracy' | 'loss';
	/** Called after every learning rate. */
	readonly onRow?: (row: TuneRow, done: number, total: number) => void;
}

const OPTION_NAMES = keysOf<TuneOptions>({
	environment: true,
	controller: true,
	task: true,
	learningRates: true,
	seeds: true,
	criterion: true,
	onRow: true,
});

/** How one initial learning rate fared, over the networks. */
export interface TuneRow {
	readonly learningRate: number;
	/** Mean final validation accuracy; a network that diverged counts as guessing. */
	readonly accuracy: number;
	readonly accuracyStandardError: number;
	/** Mean ln of the final validation loss, at most ln 4 V₀; a network that diverged counts as that. */
	readonly logLoss: number;
	readonly logLossStandardError: number;
	/** Networks that diverged. */
	readonly diverged: number;
}

export interface TuneResult {
	readonly best: TuneRow;
	/** In the order of the learning rates. */
	readonly rows: readonly TuneRow[];
	/** The best is the lowest or highest of several learning rates: widen the grid. */
	readonly atEdge: boolean;
}

/** Quarter decades from 1e-4 to 10^−0.5. */
export const DEFAULT_GRID: readonly number[] = Array.from({ length: 15 }, (_, i) => 10 ** (-4 + i / 4));

/**
 * Tries a grid of initial learning rates, each on the same networks, one episode a learning rate. On equal scores the lower one wins.
 * @throws GannoError `INVALID_ARGUMENT` for an empty grid or one with a learning rate that is not above 0
 */
export function tuneSchedule(options: TuneOptions): TuneResult {
	checkKeys(options, 'options', OPTION_NAMES);
	checkFunction(options.onRow, 'onRow');
	const { environment, controller, task, learningRates = DEFAULT_GRID, seeds } = options;
	checkEnvironment(environment, 'environment');
	checkController(controller, 'controller');
	checkTask(task);
	const criterion = checkOneOf(options.criterion ?? 'accuracy', 'criterion', ['accuracy', 'loss']);
	if (!Array.isArray(learningRates) || learningRates.length === 0) {
		throw invalidArgument('an array of at least one learning rate', 'learningRates', learningRates);
	}
	for (const [i, rate] of learningRates.entries()) checkNumber(rate, `learningRates[${i}]`, Number.MIN_VALUE);
	const classCount = classes(task);
	const rows: TuneRow[] = [];
	for (const learningRate of learningRates) {
		const networks = task.networks.map((network) => ({ ...network, learningRate }));
		const episode = { environment, controller, task: { ...task, networks }, test: false };
		const outcome = runEpisode(seeds === undefined ? episode : { ...episode, seeds });
		const { finalValidationAccuracy, finalValidationLoss, initialValidationLoss } = outcome;
		const lost = Array.from(outcome.diverged, (flag) => flag === 1);
		const accuracy = meanAndError(lost.map((one, n) => accuracyOrChance(finalValidationAccuracy[n]!, one, classCount)));
		const loss = meanAndError(
			lost.map((one, n) => finalLogLoss(initialValidationLoss[n]!, finalValidationLoss[n]!, one)),
		);
		rows.push({
			learningRate,
			accuracy: accuracy.mean,
			accuracyStandardError: accuracy.standardError,
			logLoss: loss.mean,
			logLossStandardError: loss.standardError,
			diverged: lost.filter(Boolean).length,
		});
		options.onRow?.(rows.at(-1)!, rows.length, learningRates.length);
	}
	const score = (row: TuneRow) => (criterion === 'accuracy' ? row.accuracy : -row.logLoss);
	const ascending = rows.toSorted((a, b) => a.learningRate - b.learningRate);
	const { best, edge } = bestOfGrid(ascending, score);
	return { best, rows, atEdge: edge !== undefined };
}

function classes({ spec }: TrainingTask): number {
	const last = spec.layers.at(-1);
	return last?.type === 'dense' ? last.units : 1;
}

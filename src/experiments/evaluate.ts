import type { PolicySnapshot } from '../agents/policy.js';
import { checkFunction, checkKeys, checkSignal, keysOf } from '../arguments.js';
import type { Dataset } from '../datasets/dataset.js';
import type { TrainingTask } from '../environment/task.js';
import { describeNetwork } from '../networks/describe.js';
import { DIVERGED_LOSS } from '../networks/population.js';
import type { ControllerSpec } from '../rollouts/controller-spec.js';
import type { Episode, RolloutExecutor } from '../rollouts/executor.js';
import { OUTCOME_SIZE } from '../rollouts/trajectory-slab.js';
import type { Config } from './config.js';
import { evaluationTask } from './sample-tasks.js';
import { meanAndError } from './statistics.js';

/** Networks of one episode at most: few enough to keep every worker busy, many enough to fill a card. No bit depends on it. */
const NETWORKS_PER_EPISODE = { cpu: 8, cuda: 256 };

function networksPerEpisode(config: Config): number {
	return config.device.startsWith('cuda') ? NETWORKS_PER_EPISODE.cuda : NETWORKS_PER_EPISODE.cpu;
}

export interface EvaluationCell {
	readonly learningRate: number;
	/** Of the test accuracy over the seeds. */
	readonly mean: number;
	readonly standardError: number;
	/** Networks that diverged. */
	readonly diverged: number;
	/** Test accuracy of each seed. */
	readonly accuracies: readonly number[];
}

export interface EvaluationRow {
	readonly contender: string;
	readonly kind: 'learned' | 'default' | 'tuned';
	readonly cells: readonly EvaluationCell[];
	/** Over the initial learning rates; the error is that of the seeds' own means, as the same seeds stand in every cell. */
	readonly mean: number;
	readonly standardError: number;
}

/** How the tuned cosine was found. */
export interface TuningRecord {
	readonly learningRate: number;
	readonly grid: readonly {
		readonly learningRate: number;
		readonly validationAccuracy: number;
		readonly diverged: number;
	}[];
	readonly seeds: number;
	/** Child networks trained to find it. */
	readonly childRuns: number;
}

export interface EvaluationTable {
	readonly dataset: string;
	readonly network: string;
	readonly optimizer: string;
	readonly batchSize: number;
	readonly horizon: number;
	readonly seeds: number;
	readonly learningRates: readonly number[];
	readonly rows: readonly EvaluationRow[];
	readonly tuning: TuningRecord;
	readonly seconds: number;
}

export interface EvaluateOptions {
	readonly config: Config;
	readonly dataset: Dataset;
	readonly policy: PolicySnapshot;
	readonly executor: RolloutExecutor;
	readonly signal?: AbortSignal;
	/** Episodes done and to do. */
	readonly onProgress?: (done: number, total: number) => void;
}

const OPTION_NAMES = keysOf<EvaluateOptions>({
	config: true,
	dataset: true,
	policy: true,
	executor: true,
	signal: true,
	onProgress: true,
});

const RIVALS: readonly { readonly contender: string; readonly controller: ControllerSpec }[] = [
	{ contender: 'constant', controller: { type: 'schedule', name: 'constant' } },
	{ contender: 'step', controller: { type: 'schedule', name: 'step' } },
	{ contender: 'cosine', controller: { type: 'schedule', name: 'cosine' } },
	{ contender: 'one-cycle', controller: { type: 'schedule', name: 'one-cycle' } },
];
const COSINE: ControllerSpec = { type: 'schedule', name: 'cosine' };

/** Results of one cell, network by network. */
interface CellResult {
	readonly testAccuracy: number[];
	readonly validationAccuracy: number[];
	diverged: number;
}

/**
 * The learned schedule (greedy) against hand-made ones at their default settings, from several initial learning rates, and beside
 * them a cosine whose learning rate was tuned on other seeds. All contenders meet the same networks: seeds, slices, batches.
 */
export async function evaluatePolicy(options: EvaluateOptions): Promise<EvaluationTable> {
	checkKeys(options, 'options', OPTION_NAMES);
	checkSignal(options.signal);
	checkFunction(options.onProgress, 'onProgress');
	const { config, dataset } = options;
	const { learningRates, seeds, tuningLearningRates, tuningSeeds } = config.evaluation;
	const started = performance.now();
	const contenders = [
		{ contender: 'learned', controller: { type: 'policy', policy: options.policy } satisfies ControllerSpec },
		...RIVALS,
	];
	const cells = contenders.flatMap(({ controller }) =>
		learningRates.map((rate) => ({
			task: evaluationTask(config, dataset, 'evaluation', rate, seeds, 0),
			controller,
		})),
	);
	const tuning = tuningLearningRates.map((rate) => ({
		task: evaluationTask(config, dataset, 'tuning', rate, tuningSeeds, 0),
		controller: COSINE,
	}));
	const chunks = (count: number) => Math.ceil(count / networksPerEpisode(config));
	const total = (cells.length + 1) * chunks(seeds) + tuning.length * chunks(tuningSeeds);
	const first = await runCells([...cells, ...tuning], options, 0, total);

	const grid = tuning.map(({ task }, i) => {
		const { validationAccuracy, diverged } = first.results[cells.length + i] as CellResult;
		return {
			learningRate: task.networks[0]?.learningRate as number,
			validationAccuracy: meanAndError(validationAccuracy).mean,
			diverged,
		};
	});
	const best = grid.reduce((a, b) => (b.validationAccuracy > a.validationAccuracy ? b : a));
	const tunedTask = evaluationTask(config, dataset, 'evaluation', best.learningRate, seeds, 0);
	const second = await runCells([{ task: tunedTask, controller: COSINE }], options, first.episodes, total);
	const tuned = second.results[0] as CellResult;

	const rows = contenders.map(({ contender }, c) =>
		evaluationRow(
			contender,
			contender === 'learned' ? 'learned' : 'default',
			learningRates,
			first.results.slice(c * learningRates.length, (c + 1) * learningRates.length),
		),
	);
	rows.push(
		evaluationRow(
			'cosine, tuned',
			'tuned',
			learningRates,
			learningRates.map(() => tuned),
		),
	);
	const { optimizer, batchSize, horizon, spec } = tunedTask;
	return {
		dataset: dataset.name,
		network: describeNetwork(spec),
		optimizer: optimizer.algorithm,
		batchSize,
		horizon,
		seeds,
		learningRates,
		rows,
		tuning: {
			learningRate: best.learningRate,
			grid,
			seeds: tuningSeeds,
			childRuns: tuning.length * tuningSeeds,
		},
		seconds: (performance.now() - started) / 1000,
	};
}

async function runCells(
	cells: readonly Episode[],
	{ executor, signal, dataset, config, onProgress }: EvaluateOptions,
	doneBefore: number,
	total: number,
): Promise<{ results: CellResult[]; episodes: number }> {
	const results: CellResult[] = cells.map(() => ({ testAccuracy: [], validationAccuracy: [], diverged: 0 }));
	const owners: number[] = [];
	const episodes = cells.flatMap(({ task, controller }, cell) =>
		split(task, networksPerEpisode(config)).map((part) => {
			owners.push(cell);
			return { task: part, controller };
		}),
	);
	let done = 0;
	// A network whose parameters are no longer finite guesses; its outcome reads accuracy 0, which would be worse than guessing.
	const chance = 1 / dataset.classes;
	const accuracy = (loss: number | undefined, value: number | undefined): number =>
		loss !== undefined && value !== undefined && loss < DIVERGED_LOSS && Number.isFinite(value) ? value : chance;
	for await (const { outcomes, diverged } of executor.evaluate(episodes, signal === undefined ? {} : { signal })) {
		const result = results[owners[done] as number] as CellResult;
		for (let n = 0; n < diverged.length; n++) {
			result.validationAccuracy.push(accuracy(outcomes[n * OUTCOME_SIZE + 1], outcomes[n * OUTCOME_SIZE + 2]));
			result.testAccuracy.push(accuracy(outcomes[n * OUTCOME_SIZE + 3], outcomes[n * OUTCOME_SIZE + 4]));
			result.diverged += diverged[n] as number;
		}
		done++;
		onProgress?.(doneBefore + done, total);
	}
	return { results, episodes: doneBefore + done };
}

/** A task in parts of a few networks each; a network's bits depend on its seed alone. */
function split(task: TrainingTask, size: number): TrainingTask[] {
	const parts: TrainingTask[] = [];
	for (let from = 0; from < task.networks.length; from += size) {
		parts.push({ ...task, networks: task.networks.slice(from, from + size) });
	}
	return parts;
}

function evaluationRow(
	contender: string,
	kind: EvaluationRow['kind'],
	learningRates: readonly number[],
	results: readonly CellResult[],
): EvaluationRow {
	const cells = results.map(
		({ testAccuracy, diverged }, i): EvaluationCell => ({
			learningRate: learningRates[i] as number,
			...meanAndError(testAccuracy),
			diverged,
			accuracies: testAccuracy,
		}),
	);
	const seeds = results[0]?.testAccuracy.length ?? 0;
	const seedMeans = Array.from(
		{ length: seeds },
		(_, s) => meanAndError(results.map(({ testAccuracy }) => testAccuracy[s] as number)).mean,
	);
	return { contender, kind, cells, ...meanAndError(seedMeans) };
}

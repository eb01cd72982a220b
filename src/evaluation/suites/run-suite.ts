import { type Dataset, datasetDigest } from '../../datasets/dataset.js';
import { GannoError } from '../../errors.js';
import { inferShapes } from '../../networks/shapes.js';
import type { RolloutExecutor } from '../../rollouts/executor.js';
import type { TrainingTask } from '../../tasks/task.js';
import { episodePasses, forwardCost } from '../../tasks/task-cost.js';
import { decidedEvery, type NamedPolicy } from '../policy-contender.js';
import type { Suite, SuiteDataset, SuiteTask } from './definitions/suite-spec.js';
import { type Cell, type CellResult, openCell, readCell } from './suite-cells.js';
import {
	type Contender,
	contenders,
	METHODS,
	type OwnSchedule,
	ruleOfThumbLearningRate,
	TUNED,
	unfit,
} from './suite-contenders.js';
import type { SuiteJournal } from './suite-journal.js';
import { type RunRecord, runRecords, type SuiteResults, type Trajectory } from './suite-results.js';
import { type SeedPurpose, trainingTask } from './suite-tasks.js';
import { chooseLearningRates, type SuiteTuning, tuningScore } from './suite-tuning.js';

/** Part of the tuned cosine's final validation accuracy that the steps to a target are counted to. */
const TARGET_SHARE = 0.95;

export interface RunSuiteOptions {
	readonly suite: Suite;
	readonly policies: readonly NamedPolicy[];
	/** The user's own; default none. */
	readonly schedules?: readonly OwnSchedule[];
	readonly seeds: Exclude<SeedPurpose, 'tuning'>;
	readonly journal: SuiteJournal;
	/** A data set of the suite; a string says why it is not there. */
	readonly openDataset: (dataset: SuiteDataset) => Promise<Dataset | string>;
	readonly openExecutor: (dataset: Dataset) => RolloutExecutor;
	readonly signal?: AbortSignal | undefined;
	/** Cells done, of those known so far: the tuned ones are known once tuning is over. */
	readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What a suite found, less the record of the machine. */
export type SuiteOutcome = Pick<
	SuiteResults,
	'suite' | 'seeds' | 'contenders' | 'datasets' | 'skipped' | 'targets' | 'tuning' | 'runs' | 'trajectories'
>;

interface OpenDataset {
	readonly dataset: Dataset;
	readonly digest: string;
}

/** A cell and whose it is. */
interface Entry {
	readonly task: SuiteTask;
	readonly contender: Contender;
	readonly learningRate: number | null;
	readonly cell: Cell;
}

/**
 * Runs a suite: first what needs no tuning, and the tuning; then every method at the learning rates that were chosen. Equal cells are
 * run once. The result depends on suite, policies, data and seeds alone, not on workers, interruptions or order.
 */
export async function runSuite(options: RunSuiteOptions): Promise<SuiteOutcome> {
	const { suite, policies, schedules = [], seeds } = options;
	const methods = [...METHODS, ...schedules];
	const datasets = new Map<string, OpenDataset>();
	const skipped: SuiteResults['skipped'][number][] = [];
	const tasks: SuiteTask[] = [];
	for (const task of suite.tasks) {
		const key = datasetKey(task.dataset);
		const known = datasets.get(key) ?? (await options.openDataset(task.dataset));
		if (typeof known === 'string') {
			skipped.push({ task: task.id, contender: null, reason: known });
			continue;
		}
		if (!datasets.has(key)) {
			const dataset = known as Dataset;
			datasets.set(key, { dataset, digest: datasetDigest(dataset) });
		}
		tasks.push(task);
	}
	if (tasks.length === 0) {
		throw new GannoError('DATASET_NOT_FOUND', `No task of the suite can be run. ${skipped[0]?.reason ?? ''}`);
	}
	const open = (task: SuiteTask) => datasets.get(datasetKey(task.dataset)) as OpenDataset;
	const named = new Map<unknown, NamedPolicy>(policies.map((entry) => [entry.policy, entry]));
	const digests = new Map<unknown, string>(schedules.map(({ trainer, digest: own }) => [trainer, own]));
	const cellOf = (task: SuiteTask, contender: Pick<Contender, 'trainer'>, purpose: SeedPurpose, rate: number): Cell => {
		const { dataset, digest } = open(task);
		const { trainer } = contender;
		const policy = trainer.type === 'policy' ? named.get(trainer.policy) : undefined;
		const name = policy?.digest ?? digests.get(trainer) ?? JSON.stringify(trainer);
		const training = decidedEvery(trainingTask(suite, task, dataset, purpose, rate), policy?.interval);
		return openCell(
			datasetKey(task.dataset),
			digest,
			training,
			trainer,
			name,
			purpose === 'tuning' ? 0 : (task.testPoints ?? suite.testPoints),
		);
	};

	const everyone = contenders(policies, methods);
	const fits = (contender: Pick<Contender, 'trainer' | 'name'>, task: SuiteTask, note: boolean): boolean => {
		const { spec } = trainingTask(suite, task, open(task).dataset, 'tuning', 1);
		const reason = unfit(contender.trainer, layerTypes(spec));
		if (reason !== undefined && note) skipped.push({ task: task.id, contender: contender.name, reason });
		return reason === undefined;
	};
	const entries: Entry[] = [];
	const enter = (task: SuiteTask, contender: Contender, learningRate: number | null, rate: number): void => {
		entries.push({ task, contender, learningRate, cell: cellOf(task, contender, seeds, rate) });
	};
	const tuning: { task: SuiteTask; method: string; rate: number; cell: Cell }[] = [];
	for (const task of tasks) {
		for (const contender of everyone) {
			if (contender.kind === 'tuned' || contender.kind === 'tuned-globally' || !fits(contender, task, true)) continue;
			if (contender.kind === 'rule-of-thumb' || contender.kind === 'parameter-free') {
				enter(task, contender, null, ruleOfThumbLearningRate(task));
			} else {
				for (const rate of task.learningRates) enter(task, contender, rate, rate);
			}
		}
		for (const { name, trainer } of methods) {
			if (!fits({ name, trainer }, task, false)) continue;
			for (const rate of suite.tuningLearningRates) {
				tuning.push({ task, method: name, rate, cell: cellOf(task, { trainer }, 'tuning', rate) });
			}
		}
	}
	const runner = new CellRunner(options, datasets);
	await runner.run([...entries, ...tuning].map(({ cell }) => cell));

	const scores = new Map(
		tuning.map(({ task, method, rate, cell }) => [
			`${task.id} ${method} ${rate}`,
			tuningScore(runner.result(cell), open(task).dataset.classes),
		]),
	);
	const childRuns = tuning.reduce((sum, { cell }) => sum + cell.episode.task.networks.length, 0);
	const score = (task: SuiteTask, method: string, rate: number) => scores.get(`${task.id} ${method} ${rate}`);
	const record = chooseLearningRates(tasks, suite.tuningLearningRates, score, childRuns, methods);
	const tuned = entries.length;
	for (const task of tasks) enterTuned(task, everyone, record, (contender, rate) => enter(task, contender, null, rate));
	await runner.run(entries.slice(tuned).map(({ cell }) => cell));
	return outcome(options, everyone, tasks, entries, skipped, record, runner, datasets);
}

function enterTuned(
	task: SuiteTask,
	everyone: readonly Contender[],
	record: SuiteTuning,
	enter: (contender: Contender, rate: number) => void,
): void {
	const family = record.families.find((entry) => entry.family === task.family)?.choices ?? [];
	for (const contender of everyone) {
		const choices = contender.kind === 'tuned' ? family : contender.kind === 'tuned-globally' ? record.global : [];
		const choice = choices.find(({ method }) => method === contender.method);
		// A family without a choice has no task that the method fits.
		if (choice !== undefined && family.some(({ method }) => method === contender.method)) {
			enter(contender, choice.learningRate);
		}
	}
}

function outcome(
	{ suite, seeds }: RunSuiteOptions,
	everyone: readonly Contender[],
	tasks: readonly SuiteTask[],
	entries: readonly Entry[],
	skipped: SuiteResults['skipped'],
	tuning: SuiteTuning,
	runner: CellRunner,
	datasets: ReadonlyMap<string, OpenDataset>,
): SuiteOutcome {
	const targets = tasks.flatMap((task) => {
		const cosine = entries.find(({ task: own, contender }) => own === task && contender.name === TUNED('cosine'));
		if (cosine === undefined) return [];
		const { networks } = runner.result(cosine.cell);
		const final = networks.reduce((sum, { validation }) => sum + (validation.at(-1) as number), 0) / networks.length;
		return [{ task: task.id, validationAccuracy: Number((TARGET_SHARE * final).toPrecision(6)) }];
	});
	const runs: RunRecord[] = [];
	const trajectories: Trajectory[] = [];
	for (const { task, contender, learningRate, cell } of entries) {
		const result = runner.result(cell);
		const target = targets.find((entry) => entry.task === task.id)?.validationAccuracy;
		runs.push(...runRecords(result, task, contender.name, learningRate, target));
		if (contender.kind !== 'learned') continue;
		trajectories.push({
			task: task.id,
			contender: contender.name,
			learningRate,
			learningRates: result.learningRates,
		});
	}
	const took = new Set(runs.map(({ contender }) => contender));
	return {
		suite,
		seeds,
		contenders: everyone.flatMap(({ name, kind }) => (took.has(name) ? [{ name, kind }] : [])),
		datasets: [...datasets.values()].map(({ dataset, digest }) => ({
			name: dataset.name,
			digest,
			images: [dataset.splits.train.length, dataset.splits.validation.length, dataset.splits.test.length] as const,
		})),
		skipped,
		targets,
		tuning,
		runs,
		trajectories,
	};
}

/** Runs cells, each once, data set by data set; finished ones come from the journal. */
class CellRunner {
	readonly #options: RunSuiteOptions;
	readonly #datasets: ReadonlyMap<string, OpenDataset>;
	#done = 0;
	#total = 0;

	constructor(options: RunSuiteOptions, datasets: ReadonlyMap<string, OpenDataset>) {
		this.#options = options;
		this.#datasets = datasets;
	}

	result(cell: Cell): CellResult {
		const result = this.#options.journal.get(cell.key);
		if (result === undefined) throw new GannoError('INTERNAL', 'A cell of the suite was not run. Report this.');
		return result;
	}

	async run(cells: readonly Cell[]): Promise<void> {
		const { journal, signal, onProgress } = this.#options;
		const unique = [...new Map(cells.map((cell) => [cell.key, cell])).values()];
		const missing = unique.filter(({ key }) => journal.get(key) === undefined);
		this.#total += missing.length;
		for (const [key, { dataset }] of this.#datasets) {
			// The dearest first: at the end no worker is left alone with one of them.
			const own = missing.filter((cell) => cell.datasetKey === key).sort((a, b) => cost(b) - cost(a));
			if (own.length === 0) continue;
			await using executor = this.#options.openExecutor(dataset);
			// Tuning cells leave the test split alone.
			for (const testPoints of new Set(own.map((cell) => cell.testPoints))) {
				const group = own.filter((cell) => cell.testPoints === testPoints);
				const episodes = group.map(({ episode }) => episode);
				const test = testPoints > 0 ? { testPoints } : { test: false };
				let next = 0;
				for await (const result of executor.evaluate(episodes, {
					...test,
					...(signal === undefined ? {} : { signal }),
				})) {
					journal.add((group[next++] as Cell).key, readCell(result, dataset.classes));
					onProgress?.(++this.#done, this.#total);
				}
			}
		}
	}
}

/** Roughly what a cell costs, for the order alone; a gradient method moves a network's parameters out and in at every step. */
function cost({ episode: { task, method } }: Cell): number {
	const { spec, networks, horizon, interval, batchSize, validationSize = 0 } = task;
	const passes = episodePasses(batchSize, horizon, horizon / interval, validationSize);
	return forwardCost(spec) * passes * networks.length * (method.type === 'gradient-method' ? 4 : 1);
}

function layerTypes(spec: TrainingTask['spec']): string[] {
	return inferShapes(spec).operations.map(({ layer }) => layer.type);
}

function datasetKey(dataset: SuiteDataset): string {
	return JSON.stringify([dataset.name, dataset.downsample, dataset.size ?? null]);
}

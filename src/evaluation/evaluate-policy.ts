import { checkFunction, checkInteger, checkKeys, checkSignal, keysOf } from '../arguments.js';
import type { Config } from '../config/config.js';
import type { Dataset } from '../datasets/dataset.js';
import { describeNetwork } from '../networks/describe.js';
import type { PolicySnapshot } from '../policy/policy.js';
import type { RolloutExecutor } from '../rollouts/executor.js';
import { evaluationTask } from '../runs/sample-tasks.js';
import type { TrainingTask } from '../tasks/task.js';
import { type CellResult, type Ground, type GroundTask, Trials } from './evaluation-cells.js';
import {
	checkNamedControllers,
	type EvaluationContender,
	evaluationContenders,
	evaluationNames,
	type NamedControllers,
	tunedContenders,
} from './evaluation-contenders.js';
import { type ChosenKinds, chooseKinds, kindGround, kindNetworks } from './evaluation-kinds.js';
import type {
	EvaluationKind,
	EvaluationKinds,
	EvaluationRow,
	EvaluationTable,
	TuningRecord,
} from './evaluation-result.js';
import { evaluationRow, tuningRecord } from './evaluation-rows.js';
import { decidedEvery } from './policy-contender.js';

/** Networks of one episode at most: few enough to keep every worker busy, many enough to fill a card. No bit depends on it. */
const NETWORKS_PER_EPISODE = { cpu: 8, cuda: 256 };

function networksPerEpisode(config: Config): number {
	return config.device.startsWith('cuda') ? NETWORKS_PER_EPISODE.cuda : NETWORKS_PER_EPISODE.cpu;
}

export interface EvaluateOptions {
	readonly config: Config;
	readonly dataset: Dataset;
	readonly policy: PolicySnapshot;
	readonly executor: RolloutExecutor;
	/**
	 * Contenders of your own by name: schedules, which run from the column's initial learning rate and, as the cosine does, from one that is
	 * tuned; and other policies.
	 */
	readonly controllers?: NamedControllers;
	/**
	 * Kinds of task, network family × optimiser of `config.tasks`, tested beside the table's own: so many, or with `each` until each family
	 * and each optimiser is there once, 6 at most. Absent: the table alone, and no word of kinds.
	 */
	readonly kinds?: number | 'each';
	readonly signal?: AbortSignal;
	/** Episodes done and to do. */
	readonly onProgress?: (done: number, total: number) => void;
}

const OPTION_NAMES = keysOf<EvaluateOptions>({
	config: true,
	dataset: true,
	policy: true,
	executor: true,
	controllers: true,
	kinds: true,
	signal: true,
	onProgress: true,
});

/**
 * The learned schedule (greedy) against hand-made ones at their default settings, from several initial learning rates, and beside
 * them a cosine whose learning rate was tuned on other seeds. All contenders meet the same networks: seeds, slices, batches.
 * @throws GannoError `INVALID_ARGUMENT`, before any training, for controllers that cannot be used; `CANCELLED`, or what an episode threw
 */
export async function evaluatePolicy(options: EvaluateOptions): Promise<EvaluationTable> {
	checkKeys(options, 'options', OPTION_NAMES);
	checkSignal(options.signal);
	checkFunction(options.onProgress, 'onProgress');
	const { config, dataset, controllers = {} } = options;
	await checkEvaluation(options);
	const started = performance.now();
	const kinds = options.kinds === undefined ? undefined : chooseKinds(config, dataset, options.kinds);
	const grounds = [
		tableGround(config, dataset),
		...(kinds?.chosen ?? []).map((kind) => kindGround(config, dataset, kind)),
	];
	const contenders = evaluationContenders(options.policy, controllers);
	const [own, ...others] = await compare(grounds, contenders, options);
	const { rows, tuning } = own as Comparison;
	const { optimizer, batchSize, horizon, spec } = tableTask(config, dataset);
	return {
		dataset: dataset.name,
		network: describeNetwork(spec),
		optimizer: optimizer.algorithm,
		batchSize,
		horizon,
		seeds: config.evaluation.seeds,
		learningRates: config.evaluation.learningRates,
		rows,
		tuning,
		...(kinds === undefined ? {} : { kinds: describeKinds(kinds, others, config) }),
		seconds: (performance.now() - started) / 1000,
	};
}

/**
 * What can be told of an evaluation before its data are read.
 * @throws GannoError `INVALID_ARGUMENT`
 */
export async function checkEvaluation({
	config,
	controllers = {},
	kinds = 0,
}: Pick<EvaluateOptions, 'config' | 'controllers' | 'kinds'>): Promise<void> {
	if (kinds !== 'each') checkInteger(kinds, 'kinds', 0);
	const { horizon } = config.tasks;
	await checkNamedControllers(controllers, evaluationNames(kinds === 0 ? horizon.slice(0, 1) : horizon));
}

/** The evaluation's network under the first optimiser, as the table has it. */
function tableTask(config: Config, dataset: Dataset): TrainingTask {
	return evaluationTask(config, dataset, 'evaluation', 1, 1, 0);
}

function tableGround(config: Config, dataset: Dataset): Ground {
	const { seeds, tuningSeeds } = config.evaluation;
	const size = networksPerEpisode(config);
	return {
		tasks: (purpose, learningRates) =>
			learningRates.flatMap((rate, column) =>
				split(
					evaluationTask(config, dataset, purpose, rate, purpose === 'evaluation' ? seeds : tuningSeeds, 0),
					size,
				).map((task) => ({ task, columns: task.networks.map(() => column) })),
			),
	};
}

/** A task in parts of a few networks each; a network's bits depend on its seed alone. */
function split(task: TrainingTask, size: number): TrainingTask[] {
	const parts: TrainingTask[] = [];
	for (let from = 0; from < task.networks.length; from += size) {
		parts.push({ ...task, networks: task.networks.slice(from, from + size) });
	}
	return parts;
}

/** How all contenders fared on one ground. */
interface Comparison {
	readonly rows: readonly EvaluationRow[];
	/** Of the cosine. */
	readonly tuning: TuningRecord;
}

/** All contenders on all grounds: first what needs no tuning, and the tuning; then the tuned ones. */
async function compare(
	grounds: readonly Ground[],
	contenders: readonly EvaluationContender[],
	{ config, dataset, executor, controllers = {}, signal, onProgress }: EvaluateOptions,
): Promise<Comparison[]> {
	const { learningRates, tuningLearningRates } = config.evaluation;
	const tuned = tunedContenders(controllers);
	const first = new Trials();
	const entered = grounds.map((ground) => {
		const tasks = ground.tasks('evaluation', learningRates);
		const tuningTasks = ground.tasks('tuning', tuningLearningRates);
		return {
			ground,
			cells: contenders.map(({ controller, interval }) =>
				first.enter(every(tasks, interval), learningRates, controller),
			),
			grids: tuned.map(({ controller }) => first.enter(tuningTasks, tuningLearningRates, controller)),
		};
	});
	const later = grounds.reduce((sum, ground) => sum + tuned.length * ground.tasks('evaluation', [1]).length, 0);
	const total = first.length + later;
	await first.run(executor, dataset, signal, (done) => onProgress?.(done, total));

	const second = new Trials();
	const finals = entered.map(({ ground, grids }) =>
		tuned.map(({ controller }, t) => {
			const tuning = tuningRecord(tuningLearningRates, grids[t] as CellResult[]);
			const rates = [tuning.learningRate];
			const [cell] = second.enter(ground.tasks('evaluation', rates), rates, controller);
			return { tuning, cell: cell as CellResult };
		}),
	);
	await second.run(executor, dataset, signal, (done) => onProgress?.(first.length + done, total));

	return entered.map(({ cells }, g) => {
		const choices = finals[g] as (typeof finals)[number];
		const tunedRows = choices.map(({ tuning, cell }, t): EvaluationRow => {
			const row = evaluationRow(
				tuned[t]?.contender as string,
				'tuned',
				learningRates,
				learningRates.map(() => cell),
			);
			// The cosine's stands in the table.
			return t === 0 ? row : { ...row, tuning };
		});
		const rows = contenders.map(({ contender, kind }, c) =>
			evaluationRow(contender, kind, learningRates, cells[c] as CellResult[]),
		);
		return { rows: [...rows, ...tunedRows], tuning: choices[0]?.tuning as TuningRecord };
	});
}

function every(tasks: readonly GroundTask[], interval: number | undefined): readonly GroundTask[] {
	return tasks.map(({ task, columns }) => ({ task: decidedEvery(task, interval), columns }));
}

function describeKinds(
	{ families, optimizers, chosen, leftOut }: ChosenKinds,
	comparisons: readonly Comparison[],
	{ evaluation }: Config,
): EvaluationKinds {
	return {
		families,
		optimizers,
		networks: kindNetworks(evaluation.seeds),
		shown: chosen.map((kind, i) => ({ ...named(kind), ...(comparisons[i] as Comparison) })),
		leftOut: leftOut.map(named),
	};
}

function named({ network, optimizer }: ChosenKinds['chosen'][number]): Pick<EvaluationKind, 'network' | 'optimizer'> {
	const settings = Object.entries(optimizer.hyperparameters ?? {}).map(([name, value]) => `${name} ${value}`);
	return { network, optimizer: [optimizer.algorithm, ...settings].join(', ') };
}

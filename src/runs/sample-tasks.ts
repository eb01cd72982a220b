import { drawNetwork, type NetworkEnds, type NetworkFamily } from '../tasks/network-family.js';
import type { TrainingTask } from '../tasks/task.js';
import { type DrawnOptimizer, sampleTasks, type TaskDistribution } from '../tasks/task-distribution.js';
import type { Algorithm, OptimizerSpec } from '../optimizer/algorithms.js';
import { PhiloxGenerator } from '../philox.js';
import type { Config } from '../config/config.js';

/** Which tasks a run meets: pure functions of the config, so neither the number of workers nor a resumption changes them. */

/** Held-out tasks are numbered from here on, far above any that training reaches. */
const HELD_OUT = 2 ** 44;

/** And those that schedules are tuned on. */
const TUNING = 2 ** 46;

/** And those that show what a policy makes of one kind of task. */
const KIND = { evaluation: 2 ** 47, tuning: 2 ** 47 + 2 ** 40 } as const;

/** Sub-sequences of the generator that gives an evaluation's network seeds. */
const SEED_SEQUENCES = { evaluation: 2 ** 45, tuning: 2 ** 45 + 1 } as const;

/** What the tasks of a run are drawn from. */
export function taskDistribution(config: Config, ends: NetworkEnds, networksPerTask: number): TaskDistribution {
	const { tasks } = config;
	const { horizon: fineTuningHorizon, ...fineTuning } = tasks.fineTuning;
	return {
		ends,
		networks: tasks.networks,
		networksPerTask,
		optimizers: tasks.optimizers.map(drawnOptimizer),
		batchSizes: tasks.batchSizes,
		sliceSizes: tasks.sliceSize.map((size) => (size === 0 ? 'all' : size)),
		durations: tasks.horizon.flatMap((horizon) =>
			tasks.decisions.map((decisions) => ({ horizon, interval: horizon / decisions })),
		),
		validationSize: tasks.validationSize,
		learningRates: tasks.initialLearningRates,
		layerSpreadDecades: tasks.layerSpreadDecades,
		layerSpreadShare: tasks.layerSpreadShare,
		initialScaleDecades: tasks.initialScaleDecades,
		initialScaleShare: tasks.initialScaleShare,
		classCounts: tasks.classes.map((count) => (count === 0 ? 'all' : count)),
		labelNoise: tasks.labelNoise,
		...(fineTuning.share === 0
			? {}
			: { fineTuning: { ...fineTuning, ...(fineTuningHorizon === 0 ? {} : { horizon: fineTuningHorizon }) } }),
		costLimit: tasks.costLimit === 0 ? Number.POSITIVE_INFINITY : tasks.costLimit * 1e9,
		stratumSize: tasks.stratified ? tasks.perIteration : 1,
	};
}

type ConfigOptimizer = Config['tasks']['optimizers'][number];

function drawnOptimizer(optimizer: ConfigOptimizer): DrawnOptimizer {
	if (typeof optimizer === 'string') return { algorithm: optimizer };
	const { initialLearningRates, ...spec } = optimizer;
	return initialLearningRates === undefined
		? optimizerSpec(spec)
		: { ...optimizerSpec(spec), learningRates: initialLearningRates };
}

/** An optimiser of a config as tasks carry it. */
export function optimizerSpec(optimizer: ConfigOptimizer): OptimizerSpec {
	if (typeof optimizer === 'string') return { algorithm: optimizer };
	const { algorithm, hyperparameters } = optimizer;
	return hyperparameters === undefined ? { algorithm } : { algorithm, hyperparameters };
}

/** The tasks of one iteration of meta-training. */
export function iterationTasks(config: Config, ends: NetworkEnds, iteration: number): readonly TrainingTask[] {
	const { perIteration, networksPerTask } = config.tasks;
	return sampleTasks(
		taskDistribution(config, ends, networksPerTask),
		config.seed,
		iteration * perIteration,
		perIteration,
	);
}

/** Fixed tasks of one network each from the run's distribution, the same for every run of the same `evaluation.seed`. */
export function heldOutTasks(config: Config, ends: NetworkEnds, count: number): readonly TrainingTask[] {
	return sampleTasks(taskDistribution(config, ends, 1), config.evaluation.seed, HELD_OUT, count);
}

/** Tasks to tune a schedule on for one child optimiser: the run's distribution, a network each, apart from all others. */
export function tuningTasks(
	config: Config,
	ends: NetworkEnds,
	algorithm: Algorithm,
	count: number,
): readonly TrainingTask[] {
	const distribution = taskDistribution(config, ends, 1);
	const optimizers = distribution.optimizers?.filter((optimizer) => optimizer.algorithm === algorithm) ?? [];
	const stratumSize = config.tasks.stratified ? count : 1;
	// The baseline starts all layers of a network alike.
	return sampleTasks(
		{ ...distribution, optimizers, stratumSize, layerSpreadShare: 0 },
		config.evaluation.seed,
		TUNING,
		count,
	);
}

/**
 * Tasks of one network family and one child optimiser, a network each: the rest is drawn as the run draws it, apart from fine-tuning and
 * from layers that start apart, as the evaluation sets the initial learning rates. The draws are the same for every kind.
 */
export function kindTasks(
	config: Config,
	ends: NetworkEnds,
	family: NetworkFamily,
	optimizer: OptimizerSpec,
	purpose: 'evaluation' | 'tuning',
	count: number,
): readonly TrainingTask[] {
	const { fineTuning: _, ...distribution } = taskDistribution(config, ends, 1);
	const own = { networks: [family], optimizers: [optimizer], stratumSize: count, layerSpreadShare: 0 };
	// Strata begin at multiples of their size.
	const first = Math.ceil(KIND[purpose] / count) * count;
	return sampleTasks({ ...distribution, ...own }, config.evaluation.seed, first, count);
}

/**
 * The evaluation's task from one initial learning rate: its fixed network under held-out (or tuning) seeds, with the first
 * optimiser, batch size, horizon, number of decisions and slice size of the config. The seeds are the same for every learning rate and every contender, so comparisons are paired.
 */
export function evaluationTask(
	config: Config,
	ends: NetworkEnds,
	purpose: 'evaluation' | 'tuning',
	learningRate: number,
	seeds: number,
	index: number,
): TrainingTask {
	const generator = new PhiloxGenerator(config.evaluation.seed, 'task', SEED_SEQUENCES[purpose]);
	const networkSeeds = Array.from({ length: seeds }, () => generator.nextUint32());
	const { validationSize, optimizers, batchSizes } = config.tasks;
	const [horizon, decisions, sliceSize] = [config.tasks.horizon, config.tasks.decisions, config.tasks.sliceSize].map(
		([first]) => first as number,
	) as [number, number, number];
	return {
		index,
		spec: drawNetwork(config.evaluation.network, ends, generator),
		optimizer: optimizerSpec(optimizers[0] as ConfigOptimizer),
		batchSize: batchSizes[0] as number,
		horizon,
		interval: horizon / decisions,
		validationSize,
		...(sliceSize === 0 ? {} : { sliceSize }),
		networks: networkSeeds.map((seed) => ({ seed, learningRate })),
	};
}

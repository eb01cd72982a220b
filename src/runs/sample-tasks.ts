import type { Config } from '../config/config.js';
import type { Algorithm } from '../optimizer/algorithms.js';
import { PhiloxGenerator } from '../philox.js';
import { type DatasetShape, drawNetwork, type NetworkFamily } from '../tasks/network-family.js';
import type { TrainingTask } from '../tasks/task.js';
import { drawTasks } from '../tasks/task-distribution.js';
import { type DrawnOptimizer, optimizerSpec } from '../tasks/task-settings.js';

/** Which tasks a run meets: pure functions of the config, so neither the number of workers nor a resumption changes them. */

/** Held-out tasks are numbered from here on, far above any that training reaches. */
const HELD_OUT = 2 ** 44;

/** And those that schedules are tuned on. */
const TUNING = 2 ** 46;

/** And those that show what a policy makes of one kind of task. */
const KIND = { evaluation: 2 ** 47, tuning: 2 ** 47 + 2 ** 40 } as const;

/** Sub-sequences of the generator that gives an evaluation's network seeds. */
const SEED_SEQUENCES = { evaluation: 2 ** 45, tuning: 2 ** 45 + 1 } as const;

/** The tasks of one iteration of meta-training. */
export function iterationTasks(config: Config, dataset: DatasetShape, iteration: number): readonly TrainingTask[] {
	const { perIteration } = config.tasks;
	return drawTasks(config.tasks, dataset, config.seed, iteration * perIteration, perIteration);
}

/** Fixed tasks of one network each from the run's distribution, the same for every run of the same `evaluation.seed`. */
export function heldOutTasks(config: Config, dataset: DatasetShape, count: number): readonly TrainingTask[] {
	return drawTasks({ ...config.tasks, networksPerTask: 1 }, dataset, config.evaluation.seed, HELD_OUT, count);
}

/** Tasks to tune a schedule on for one child optimiser: the run's distribution, a network each, apart from all others. */
export function tuningTasks(
	config: Config,
	dataset: DatasetShape,
	algorithm: Algorithm,
	count: number,
): readonly TrainingTask[] {
	const optimizers = config.tasks.optimizers.filter((entry) => optimizerSpec(entry).algorithm === algorithm);
	// The baseline starts all layers of a network alike.
	const own = { optimizers, networksPerTask: 1, perIteration: count, layerSpreadShare: 0 };
	return drawTasks({ ...config.tasks, ...own }, dataset, config.evaluation.seed, TUNING, count);
}

/**
 * Tasks of one network family and one child optimiser, a network each: the rest is drawn as the run draws it, apart from fine-tuning and
 * from layers that start apart, as the evaluation sets the initial learning rates. The draws are the same for every kind.
 */
export function kindTasks(
	config: Config,
	dataset: DatasetShape,
	family: NetworkFamily,
	optimizer: DrawnOptimizer,
	purpose: 'evaluation' | 'tuning',
	count: number,
): readonly TrainingTask[] {
	const { tasks, evaluation } = config;
	const own = { networks: [family], optimizers: [optimizer], networksPerTask: 1, layerSpreadShare: 0 };
	const stratum = { stratified: true, perIteration: count };
	const fineTuning = { ...tasks.fineTuning, share: 0 };
	// Strata begin at multiples of their size.
	const first = Math.ceil(KIND[purpose] / count) * count;
	return drawTasks({ ...tasks, ...own, ...stratum, fineTuning }, dataset, evaluation.seed, first, count);
}

/**
 * The evaluation's task from one initial learning rate: its fixed network under held-out (or tuning) seeds, with the first
 * optimiser, batch size, horizon, number of decisions and slice size of the config. The seeds are the same for every learning rate and every contender, so comparisons are paired.
 */
export function evaluationTask(
	config: Config,
	dataset: DatasetShape,
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
		spec: drawNetwork(config.evaluation.network, dataset, generator),
		optimizer: optimizerSpec(optimizers[0] as DrawnOptimizer),
		batchSize: batchSizes[0] as number,
		horizon,
		interval: horizon / decisions,
		validationSize,
		...(sliceSize === 0 ? {} : { sliceSize }),
		networks: networkSeeds.map((seed) => ({ seed, learningRate })),
	};
}

import { checkInteger, checkObject, invalidArgument } from '../arguments.js';
import { inferShapes } from '../networks/shapes.js';
import { PhiloxGenerator } from '../philox.js';
import { checkSettings } from '../settings/check-settings.js';
import { withFineTuning } from './fine-tuning.js';
import { drawInitialScales } from './initial-scales.js';
import { latinHypercubeSample, type StratifiedChoice } from './latin-hypercube.js';
import { type DatasetShape, drawNetwork, type Range } from './network-family.js';
import { LEARNING_RATE_LIMITS, type TaskNetwork, type TrainingTask } from './task.js';
import { episodePasses, forwardCost } from './task-cost.js';
import { optimizerSpec, type TaskSettings, type TaskSettingsInput, tasksSection } from './task-settings.js';

/**
 * What tasks are drawn from: the section `tasks` of a config, key by key (docs/meta-training.md lists them), and the data set's shape.
 * Initial conditions are sampled wider than is claimed: a policy is weakest at the edge of what it was trained on.
 */
export interface TaskDistribution extends TaskSettingsInput {
	/** Input shape and classes: a data set, or `{ shape, classes }` of one. */
	readonly dataset: DatasetShape;
}

/** Sub-sequence of Philox stream `task` for a task's data, its index added, so that other choices stay the same. */
const DATA = 2 ** 49;

/** Of `costLimit`: multiply–adds. */
const COST_UNIT = 1e9;

/** Keys of ganno 0.1. */
const FORMER_KEYS = {
	sliceSizes: 'is called sliceSize now, and 0 means all images',
	durations: 'is horizon and decisions now, as in { horizon: [200, 400], decisions: 20 }',
	learningRates: 'is called initialLearningRates now',
	classCounts: 'is called classes now, and 0 means all of them',
	stratumSize: 'is perIteration with stratified: true now',
} as const;

/**
 * Tasks `firstIndex` to `firstIndex + count − 1` of a run. Each is a pure function of the distribution, the seed and its own index
 * (Philox stream `task`), whatever the order and number of requests.
 * @param seed uint32
 */
export function sampleTasks(
	distribution: TaskDistribution,
	seed: number,
	firstIndex: number,
	count: number,
): readonly TrainingTask[] {
	const options = { former: FORMER_KEYS, beside: ['dataset'] };
	const tasks = checkSettings(tasksSection, distribution, 'distribution', options);
	checkDataset(distribution.dataset, tasks);
	return drawTasks(tasks, distribution.dataset, seed, firstIndex, count);
}

function checkDataset(dataset: DatasetShape, tasks: TaskSettings): void {
	checkObject(dataset, 'distribution.dataset');
	const { shape, classes } = dataset;
	if (!Array.isArray(shape) || shape.length !== 3) {
		throw invalidArgument('[height, width, channels]', 'distribution.dataset.shape', shape);
	}
	checkInteger(classes, 'distribution.dataset.classes', 2);
	const wrong = tasks.classes.find((count) => count !== 0 && (count < 2 || count > classes));
	if (wrong !== undefined) {
		throw invalidArgument(`0 (all), or an integer from 2 to ${classes},`, 'distribution.classes', wrong);
	}
}

/** `sampleTasks` of settings that were checked. @throws GannoError `INVALID_ARGUMENT` for too few classes for the fine-tuning */
export function drawTasks(
	tasks: TaskSettings,
	dataset: DatasetShape,
	seed: number,
	firstIndex: number,
	count: number,
): readonly TrainingTask[] {
	checkInteger(seed, 'seed', 0, 0xffffffff);
	checkInteger(firstIndex, 'firstIndex', 0);
	checkInteger(count, 'count', 0);
	const { share, changes } = tasks.fineTuning;
	if (share > 0 && dataset.classes < 4 && changes.some((change) => change.endsWith('classes'))) {
		throw invalidArgument(
			"'labels' or 'images' where there are fewer than 4 classes",
			'tasks.fineTuning.changes',
			changes,
		);
	}
	return Array.from({ length: count }, (_, i) => drawTask(tasks, dataset, seed, firstIndex + i));
}

function drawTask(settings: TaskSettings, dataset: DatasetShape, seed: number, index: number): TrainingTask {
	const generator = new PhiloxGenerator(seed, 'task', index);
	const { networksPerTask, stratified, perIteration, batchSizes, validationSize } = settings;
	const stratum = latinHypercubeSample(seed, index, stratified ? perIteration : 1, networksPerTask);
	// A list of one entry takes its draw too: giving one list more entries leaves the other choices alone.
	const choose = <T>(choices: readonly T[], dimension: StratifiedChoice): T =>
		choices[stratum?.index(dimension, choices.length) ?? generator.nextInteger(choices.length)] as T;
	const family = choose(settings.networks, 'network');
	const optimizer = choose(settings.optimizers, 'optimizer');
	const drawnBatchSize = choose(batchSizes, 'batchSize');
	const sliceSize = choose(settings.sliceSize, 'sliceSize');
	// All pairs of a horizon and a number of decisions.
	const durations = settings.horizon.flatMap((horizon) =>
		settings.decisions.map((decisions) => ({ horizon, decisions })),
	);
	const drawnDuration = choose(durations, 'duration');
	const spec = drawNetwork(family, dataset, generator);

	const limit = settings.costLimit === 0 ? Number.POSITIVE_INFINITY : settings.costLimit * COST_UNIT;
	const affordable = limit / forwardCost(spec);
	const passes = (size: number, { horizon, decisions }: (typeof durations)[number]) =>
		episodePasses(size, horizon, decisions, validationSize);
	const fewest = (size: number) => Math.min(...durations.map((duration) => passes(size, duration)));
	const batchSize = withinLimit(drawnBatchSize, batchSizes, fewest, affordable, generator);
	const cost = (duration: (typeof durations)[number]) => passes(batchSize, duration);
	const { horizon, decisions } = withinLimit(drawnDuration, durations, cost, affordable, generator);

	const layers = inferShapes(spec).layers.length;
	const own = typeof optimizer === 'string' ? undefined : optimizer.initialLearningRates;
	const networks = Array.from({ length: networksPerTask }, (_, n) => {
		const position = stratum?.position(n, generator);
		return drawTaskNetwork(settings, own ?? settings.initialLearningRates, layers, generator, position);
	});
	const task: TrainingTask = {
		index,
		spec,
		optimizer: optimizerSpec(optimizer),
		batchSize,
		horizon,
		interval: horizon / decisions,
		...(sliceSize === 0 ? {} : { sliceSize }),
		validationSize,
		networks,
	};
	return chooseData(withFineTuning(task, settings.fineTuning, dataset.classes, seed), settings, dataset, seed);
}

/** Fewer classes make data easier, wrong labels harder. */
function chooseData(task: TrainingTask, settings: TaskSettings, dataset: DatasetShape, seed: number): TrainingTask {
	const { labelNoise } = settings;
	const generator = new PhiloxGenerator(seed, 'task', DATA + task.index);
	const share = labelNoise[generator.nextInteger(labelNoise.length)] as number;
	const noiseSeed = generator.nextUint32();
	const count = settings.classes[generator.nextInteger(settings.classes.length)] as number;
	const fewer = count !== 0 && count < dataset.classes && task.pretraining === undefined;
	if (!fewer && share === 0) return task;
	const classes = generator.shuffle(Array.from({ length: dataset.classes }, (_, label) => label));
	const data = {
		...task.data,
		...(fewer ? { classes: classes.slice(0, count).toSorted((a, b) => a - b) } : {}),
		...(share === 0 ? {} : { labelNoise: { share, seed: noiseSeed } }),
	};
	return { ...task, data };
}

/** What was drawn if it costs no more than the limit, else another draw among the choices that do not, else the cheapest. */
function withinLimit<T>(
	drawn: T,
	choices: readonly T[],
	cost: (choice: T) => number,
	limit: number,
	generator: PhiloxGenerator,
): T {
	if (cost(drawn) <= limit) return drawn;
	const fitting = choices.filter((choice) => cost(choice) <= limit);
	if (fitting.length > 0) return fitting[generator.nextInteger(fitting.length)] as T;
	return choices.reduce((cheapest, choice) => (cost(choice) < cost(cheapest) ? choice : cheapest));
}

/** @param position in [0, 1): where in the range the learning rate lies; absent: anywhere */
function drawTaskNetwork(
	settings: TaskSettings,
	learningRates: Range,
	layers: number,
	generator: PhiloxGenerator,
	position: number | undefined,
): TaskNetwork {
	const { layerSpreadDecades, layerSpreadShare, initialScaleDecades, initialScaleShare } = settings;
	const seed = generator.nextUint32();
	const [low, high] = [Math.log(learningRates[0]), Math.log(learningRates[1])];
	const learningRate = Math.exp(position === undefined ? generator.uniform(low, high) : low + (high - low) * position);
	// Drawn even for networks without a spread: each network takes the same number of draws, whatever the share.
	const spreads = generator.nextFloat() < layerSpreadShare && layerSpreadDecades > 0;
	const multipliers = Array.from({ length: layers }, () => {
		const multiplier = 10 ** generator.uniform(-layerSpreadDecades, layerSpreadDecades);
		// No layer starts outside the range of the actions.
		const rate = Math.max(learningRate * multiplier, LEARNING_RATE_LIMITS.low);
		return Math.min(rate, LEARNING_RATE_LIMITS.high) / learningRate;
	});
	const initialScales = drawInitialScales(seed, layers, initialScaleDecades, initialScaleShare);
	return {
		seed,
		learningRate,
		...(spreads ? { layerMultipliers: multipliers } : {}),
		...(initialScales === undefined ? {} : { initialScales }),
	};
}

import { checkInteger, checkKeys, checkNumber, checkObject, invalidArgument, keysOf } from '../arguments.js';
import { inferShapes } from '../networks/shapes.js';
import type { OptimizerSpec } from '../optimizer/algorithms.js';
import { checkOptimizerSpec } from '../optimizer/optimizer-options.js';
import { PhiloxGenerator } from '../philox.js';
import { checkFineTuning, type FineTuning, fineTune } from './fine-tuning.js';
import { drawInitialScales } from './initial-scales.js';
import { openStratum, type StratifiedChoice } from './latin-hypercube.js';
import { checkNetworkFamily, drawNetwork, type NetworkEnds, type NetworkFamily, type Range } from './network-family.js';
import { DEFAULT_DECISIONS, LEARNING_RATE_LIMITS, type TaskNetwork, type TrainingTask } from './task.js';
import { episodePasses, forwardCost } from './task-cost.js';

/** Steps of an episode, and of the interval between two decisions (default: horizon / 20). */
export interface Duration {
	readonly horizon: number;
	readonly interval?: number;
}

/** A child optimiser, and where its initial learning rates lie when not in the distribution's own range. */
export interface DrawnOptimizer extends OptimizerSpec {
	readonly learningRates?: Range;
}

/**
 * What tasks are drawn from. Initial conditions are sampled wider than is claimed: a policy is weakest at the edge of what it was
 * trained on. Each list gives its entries equal chances.
 */
export interface TaskDistribution {
	/** Input shape and classes: `{ shape, classes }` of the data set. */
	readonly ends: NetworkEnds;
	/** Default: fully connected, 1 to 3 hidden layers of 32 to 128 units. */
	readonly networks?: readonly NetworkFamily[];
	/** Networks of one task (default 16). */
	readonly networksPerTask?: number;
	/** Child optimisers (default Adam). */
	readonly optimizers?: readonly DrawnOptimizer[];
	/** Default [32]. */
	readonly batchSizes?: readonly number[];
	/** Training images of a network, or 'all' (default [4000]). */
	readonly sliceSizes?: readonly (number | 'all')[];
	/** Default 500 steps in 20 intervals. */
	readonly durations?: readonly Duration[];
	/** Validation images (default: 512, or all there are). */
	readonly validationSize?: number;
	/** Initial learning rates, log-uniform, network by network (default 10^−5.5 to 10^−0.5). */
	readonly learningRates?: Range;
	/** p: layers of some networks start at 10^U(−p, p) times the learning rate (default 1). */
	readonly layerSpreadDecades?: number;
	/** Share of the networks whose layers start apart (default 0.25). */
	readonly layerSpreadShare?: number;
	/**
	 * q: weights of some networks start at 10^U(−q, q) times what their initialiser gives, layer by layer, the factors' product made 1, so
	 * that only the layers' balance is wrong (default 1).
	 */
	readonly initialScaleDecades?: number;
	/** Share of the networks whose weights start out of balance (default 0). */
	readonly initialScaleShare?: number;
	/**
	 * Classes of a task, or 'all': each task draws one of the numbers, and as many classes; images of the others are left out, in all splits
	 * (default ['all']). Fine-tuning tasks choose their classes themselves.
	 */
	readonly classCounts?: readonly (number | 'all')[];
	/** Shares of the labels that are wrong, in all splits: each task draws one, its networks see the same labels (default [0]). */
	readonly labelNoise?: readonly number[];
	/** Tasks that go on with a trained network (default: none). */
	readonly fineTuning?: FineTuning;
	/**
	 * Multiply–adds of a network's episode at most, validation included (default: no limit). A task that would cost more draws again among
	 * the batch sizes and durations that fit its network, or takes the smallest. Keeps rollouts alike in length.
	 */
	readonly costLimit?: number;
	/**
	 * Tasks of a stratum (default 1). Of each run of so many tasks, beginning at a multiple, the families, optimisers, batch sizes, slices
	 * and durations come in equal shares and the initial learning rates from equal parts of their range (a Latin hypercube), which
	 * makes the iterations of a run more alike than independent draws.
	 */
	readonly stratumSize?: number;
}

/** Sub-sequence of Philox stream `task` for what data a task is about, its index added: no other choice changes with it. */
const DATA = 2 ** 49;

/** Validation images of a task that says nothing of them, as far as its cost goes. */
const DEFAULT_VALIDATION_SIZE = 512;

const DEFAULTS = {
	networks: [{ type: 'mlp', depth: [1, 3], width: [32, 128] }],
	networksPerTask: 16,
	optimizers: [{ algorithm: 'adam' }],
	batchSizes: [32],
	sliceSizes: [4000],
	durations: [{ horizon: 500 }],
	learningRates: [10 ** -5.5, 10 ** -0.5],
	layerSpreadDecades: 1,
	layerSpreadShare: 0.25,
	initialScaleDecades: 1,
	initialScaleShare: 0,
	classCounts: ['all'],
	labelNoise: [0],
	costLimit: Number.POSITIVE_INFINITY,
	stratumSize: 1,
} as const satisfies Omit<TaskDistribution, Open>;

/** What has no default of its own. */
type Open = 'ends' | 'validationSize' | 'fineTuning';
type CompleteDistribution = Required<Omit<TaskDistribution, Open>> & Pick<TaskDistribution, Open>;

/**
 * Tasks `firstIndex` to `firstIndex + count − 1` of a run. Each is a pure function of the distribution, the seed and its own index
 * (Philox stream `task`): who asks, in which order and for how many changes nothing.
 * @param seed uint32
 */
export function sampleTasks(
	distribution: TaskDistribution,
	seed: number,
	firstIndex: number,
	count: number,
): readonly TrainingTask[] {
	const complete = completeDistribution(distribution);
	checkInteger(seed, 'seed', 0, 0xffffffff);
	checkInteger(firstIndex, 'firstIndex', 0);
	checkInteger(count, 'count', 0);
	return Array.from({ length: count }, (_, i) => sampleTask(complete, seed, firstIndex + i));
}

function sampleTask(distribution: CompleteDistribution, seed: number, index: number): TrainingTask {
	const generator = new PhiloxGenerator(seed, 'task', index);
	const { networksPerTask, stratumSize, costLimit } = distribution;
	const stratum = openStratum(seed, index, stratumSize, networksPerTask);
	// A list of one entry takes its draw too: giving one list more entries leaves the other choices alone.
	const choose = <T>(choices: readonly T[], dimension: StratifiedChoice): T =>
		choices[stratum?.choose(dimension, choices.length) ?? generator.nextInteger(choices.length)] as T;
	const family = choose(distribution.networks, 'network');
	const { learningRates = distribution.learningRates, ...optimizer } = choose(distribution.optimizers, 'optimizer');
	const drawnBatchSize = choose(distribution.batchSizes, 'batchSize');
	const sliceSize = choose(distribution.sliceSizes, 'sliceSize');
	const drawnDuration = choose(distribution.durations, 'duration');
	const spec = drawNetwork(family, distribution.ends, generator);

	const affordable = costLimit / forwardCost(spec);
	const { validationSize } = distribution;
	const passes = (size: number, { horizon, interval }: Duration) =>
		episodePasses(size, horizon, decisionsOf(horizon, interval), validationSize ?? DEFAULT_VALIDATION_SIZE);
	const fewest = (size: number) => Math.min(...distribution.durations.map((duration) => passes(size, duration)));
	const batchSize = withinLimit(drawnBatchSize, distribution.batchSizes, fewest, affordable, generator);
	const duration = withinLimit(
		drawnDuration,
		distribution.durations,
		(choice) => passes(batchSize, choice),
		affordable,
		generator,
	);
	const { horizon, interval = horizon / DEFAULT_DECISIONS } = duration;

	const layers = inferShapes(spec).layers.length;
	const networks = Array.from({ length: networksPerTask }, (_, n) => {
		const position = stratum?.position(n, generator);
		return sampleNetwork(distribution, learningRates, layers, generator, position);
	});
	const task: TrainingTask = {
		index,
		spec,
		optimizer,
		batchSize,
		horizon,
		interval,
		...(sliceSize === 'all' ? {} : { sliceSize }),
		...(validationSize === undefined ? {} : { validationSize }),
		networks,
	};
	const { fineTuning, ends } = distribution;
	const tuned = fineTuning === undefined ? task : fineTune(task, fineTuning, ends.classes, seed);
	return chooseData(tuned, distribution, seed);
}

/** Fewer classes make data easier, wrong labels harder. */
function chooseData(task: TrainingTask, distribution: CompleteDistribution, seed: number): TrainingTask {
	const { classCounts, labelNoise, ends } = distribution;
	const generator = new PhiloxGenerator(seed, 'task', DATA + task.index);
	const share = labelNoise[generator.nextInteger(labelNoise.length)] as number;
	const noiseSeed = generator.nextUint32();
	const count = classCounts[generator.nextInteger(classCounts.length)] as number | 'all';
	const fewer = count !== 'all' && count < ends.classes && task.pretraining === undefined;
	if (!fewer && share === 0) return task;
	const classes = generator.shuffle(Array.from({ length: ends.classes }, (_, label) => label));
	const data = {
		...task.data,
		...(fewer ? { classes: classes.slice(0, count).toSorted((a, b) => a - b) } : {}),
		...(share === 0 ? {} : { labelNoise: { share, seed: noiseSeed } }),
	};
	return { ...task, data };
}

function decisionsOf(horizon: number, interval: number | undefined): number {
	return interval === undefined ? DEFAULT_DECISIONS : horizon / interval;
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
function sampleNetwork(
	distribution: CompleteDistribution,
	learningRates: Range,
	layers: number,
	generator: PhiloxGenerator,
	position: number | undefined,
): TaskNetwork {
	const { layerSpreadDecades, layerSpreadShare, initialScaleDecades, initialScaleShare } = distribution;
	const seed = generator.nextUint32();
	const [low, high] = [Math.log(learningRates[0]), Math.log(learningRates[1])];
	const learningRate = Math.exp(position === undefined ? generator.uniform(low, high) : low + (high - low) * position);
	// Drawn even for networks without a spread: each network takes the same number of draws, whatever the share.
	const spreads = generator.nextFloat() < layerSpreadShare && layerSpreadDecades > 0;
	const multipliers = Array.from({ length: layers }, () => {
		const multiplier = 10 ** generator.uniform(-layerSpreadDecades, layerSpreadDecades);
		// No layer starts where no action could have brought it.
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

const DISTRIBUTION_KEYS = keysOf<TaskDistribution>({
	ends: true,
	networks: true,
	networksPerTask: true,
	optimizers: true,
	batchSizes: true,
	sliceSizes: true,
	durations: true,
	validationSize: true,
	learningRates: true,
	layerSpreadDecades: true,
	layerSpreadShare: true,
	initialScaleDecades: true,
	initialScaleShare: true,
	classCounts: true,
	labelNoise: true,
	fineTuning: true,
	costLimit: true,
	stratumSize: true,
});
const DURATION_KEYS = keysOf<Duration>({ horizon: true, interval: true });

/** Of each a task draws one entry. */
const LISTS = [
	'networks',
	'optimizers',
	'batchSizes',
	'sliceSizes',
	'durations',
	'classCounts',
	'labelNoise',
] as const satisfies readonly (keyof TaskDistribution)[];

function completeDistribution(distribution: TaskDistribution): CompleteDistribution {
	checkKeys(distribution, 'distribution', DISTRIBUTION_KEYS);
	const complete: CompleteDistribution = { ...DEFAULTS, ...definedOnly(distribution) };
	const { shape, classes } = complete.ends ?? {};
	if (!Array.isArray(shape) || shape.length !== 3) {
		throw invalidArgument('[height, width, channels]', 'distribution.ends.shape', shape);
	}
	checkInteger(classes, 'distribution.ends.classes', 2);
	for (const name of LISTS) {
		const list: readonly unknown[] = complete[name];
		if (!Array.isArray(list) || list.length === 0) {
			throw invalidArgument('an array of at least one entry', `distribution.${name}`, list);
		}
	}
	for (const [i, family] of complete.networks.entries()) checkNetworkFamily(family, `distribution.networks[${i}]`);
	for (const [i, duration] of complete.durations.entries()) {
		checkKeys(duration, `distribution.durations[${i}]`, DURATION_KEYS);
		const horizon = checkInteger(duration.horizon, `distribution.durations[${i}].horizon`, 1);
		const interval = duration.interval ?? horizon / DEFAULT_DECISIONS;
		if (!Number.isInteger(interval) || interval < 1 || horizon % interval !== 0) {
			const advice = `Without an interval the horizon must be divisible by ${DEFAULT_DECISIONS}.`;
			throw invalidArgument(
				`a divisor of the horizon ${horizon}`,
				`distribution.durations[${i}].interval`,
				interval,
				advice,
			);
		}
	}
	for (const [i, size] of complete.batchSizes.entries()) checkInteger(size, `distribution.batchSizes[${i}]`, 1);
	for (const [i, size] of complete.sliceSizes.entries()) {
		if (size !== 'all') checkInteger(size, `distribution.sliceSizes[${i}]`, 1);
	}
	if (complete.validationSize !== undefined) {
		checkInteger(complete.validationSize, 'distribution.validationSize', 1);
	}
	checkInteger(complete.networksPerTask, 'distribution.networksPerTask', 1);
	checkLearningRates(complete.learningRates, 'distribution.learningRates');
	for (const [i, drawn] of complete.optimizers.entries()) {
		checkObject(drawn, `distribution.optimizers[${i}]`);
		const { learningRates, ...optimizer } = drawn;
		checkOptimizerSpec(optimizer, `distribution.optimizers[${i}]`);
		if (learningRates !== undefined) checkLearningRates(learningRates, `distribution.optimizers[${i}].learningRates`);
	}
	if (complete.costLimit !== Number.POSITIVE_INFINITY) {
		checkNumber(complete.costLimit, 'distribution.costLimit', Number.MIN_VALUE);
	}
	checkInteger(complete.stratumSize, 'distribution.stratumSize', 1);
	checkNumber(complete.layerSpreadDecades, 'distribution.layerSpreadDecades', 0, 6);
	checkNumber(complete.layerSpreadShare, 'distribution.layerSpreadShare', 0, 1);
	checkNumber(complete.initialScaleDecades, 'distribution.initialScaleDecades', 0, 3);
	checkNumber(complete.initialScaleShare, 'distribution.initialScaleShare', 0, 1);
	for (const [i, count] of complete.classCounts.entries()) {
		if (count !== 'all') checkInteger(count, `distribution.classCounts[${i}]`, 2, classes);
	}
	for (const [i, share] of complete.labelNoise.entries()) checkNumber(share, `distribution.labelNoise[${i}]`, 0, 1);
	if (complete.fineTuning !== undefined) {
		const decisions = complete.durations.map(({ horizon, interval }) => decisionsOf(horizon, interval));
		checkFineTuning(complete.fineTuning, 'distribution.fineTuning', classes, decisions);
	}
	return complete;
}

function checkLearningRates(range: Range, name: string): void {
	if (!Array.isArray(range) || range.length !== 2) throw invalidArgument('[low, high]', name, range);
	checkNumber(range[0], `${name}[0]`, Number.MIN_VALUE);
	checkNumber(range[1], `${name}[1]`, range[0]);
}

/** Without the keys that are there but undefined: they mean the default too. */
function definedOnly(distribution: TaskDistribution): TaskDistribution {
	return Object.fromEntries(
		Object.entries(distribution).filter(([, value]) => value !== undefined),
	) as unknown as TaskDistribution;
}

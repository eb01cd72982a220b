import { inferShapes } from '../../networks/shapes.js';
import type { Hyperparameters } from '../../optimizer/algorithms.js';
import { PhiloxGenerator } from '../../philox.js';
import { fineTuningSection, withFineTuning } from '../../tasks/fine-tuning.js';
import { drawInitialScales } from '../../tasks/initial-scales.js';
import { type DatasetShape, drawNetwork } from '../../tasks/network-family.js';
import { LEARNING_RATE_LIMITS, type TaskNetwork, type TrainingTask } from '../../tasks/task.js';
import type { Suite, SuiteTask } from './definitions/suite-spec.js';

/** What seeds are for. Policies and settings may be chosen on `development`; `reporting` is for the figures that are told. */
export type SeedPurpose = 'reporting' | 'development' | 'tuning';

/** Sub-sequences of the seeds, far from those of training tasks and of the evaluation table. */
const PURPOSES = { reporting: 2 ** 46, development: 2 ** 46 + 2 ** 40, tuning: 2 ** 46 + 2 ** 41 } as const;

/** Sub-sequence of a network's own generator that spreads its layers' learning rates. */
const SPREAD = 2 ** 48;

/** Seeds of a task: the same for every initial learning rate and every contender, so that comparisons are paired. */
export function taskSeeds(suite: Suite, { id }: SuiteTask, purpose: SeedPurpose, count: number): number[] {
	const generator = new PhiloxGenerator(suite.seed, 'task', PURPOSES[purpose] + hash(id));
	return Array.from({ length: count }, () => generator.nextUint32());
}

/** FNV-1a: a task keeps its seeds wherever it stands in the list. */
function hash(text: string): number {
	let value = 0x811c9dc5;
	for (const byte of Buffer.from(text, 'utf8')) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
	return value;
}

/** A task of the suite as the executor takes it. */
export function trainingTask(
	suite: Suite,
	task: SuiteTask,
	dataset: DatasetShape,
	purpose: SeedPurpose,
	learningRate: number,
): TrainingTask {
	const count = purpose === 'tuning' ? (task.tuningSeeds ?? suite.tuningSeeds) : suite.seeds;
	const spec = drawNetwork(task.network, dataset, new PhiloxGenerator(suite.seed, 'task', SPREAD));
	const layers = inferShapes(spec).layers.length;
	const base: TrainingTask = {
		index: hash(task.id),
		spec,
		optimizer: {
			algorithm: task.optimizer,
			...(task.hyperparameters === undefined ? {} : { hyperparameters: defined(task.hyperparameters) }),
		},
		batchSize: task.batchSize,
		horizon: task.horizon,
		interval: task.horizon / task.decisions,
		...(task.sliceSize === undefined ? {} : { sliceSize: task.sliceSize }),
		...(task.validationSize === undefined ? {} : { validationSize: task.validationSize }),
		networks: taskSeeds(suite, task, purpose, count).map((seed) => network(task, seed, learningRate, layers)),
	};
	if (task.fineTuning === undefined) return base;
	const { change, ...settings } = task.fineTuning;
	const fineTuning = fineTuningSection.parse({ ...settings, share: 1, changes: [change] });
	return withFineTuning(base, fineTuning, dataset.classes, suite.seed);
}

function network(task: SuiteTask, seed: number, learningRate: number, layers: number): TaskNetwork {
	const multipliers = layerMultipliers(task, seed, learningRate, layers);
	const initialScales = drawInitialScales(seed, layers, task.initialScaleDecades, 1);
	return {
		seed,
		learningRate,
		...(multipliers === undefined ? {} : { layerMultipliers: multipliers }),
		...(initialScales === undefined ? {} : { initialScales }),
	};
}

function layerMultipliers(
	{ layerSpreadDecades }: SuiteTask,
	seed: number,
	learningRate: number,
	layers: number,
): number[] | undefined {
	if (layerSpreadDecades === 0) return undefined;
	const generator = new PhiloxGenerator(seed, 'task', SPREAD);
	const { low, high } = LEARNING_RATE_LIMITS;
	return Array.from({ length: layers }, () => {
		const multiplier = 10 ** generator.uniform(-layerSpreadDecades, layerSpreadDecades);
		// No layer starts where no action could have brought it.
		return Math.min(Math.max(learningRate * multiplier, low), high) / learningRate;
	});
}

function defined(hyperparameters: NonNullable<SuiteTask['hyperparameters']>): Hyperparameters {
	return Object.fromEntries(Object.entries(hyperparameters).filter(([, value]) => value !== undefined));
}

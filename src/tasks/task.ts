import { types } from 'node:util';
import { checkInteger, checkKeys, checkNumber, invalidArgument, keysOf } from '../arguments.js';
import { checkDatasetView, type DatasetView } from '../datasets/view.js';
import { inferShapes } from '../networks/shapes.js';
import type { NetworkSpec } from '../networks/spec.js';
import type { OptimizerSpec } from '../optimizer/algorithms.js';
import { checkOptimizerSpec } from '../optimizer/optimizer-options.js';
import { checkPretraining, type Pretraining } from './pretraining.js';

/** Learning rates that a task may start with and an action can lead to. */
export const LEARNING_RATE_LIMITS = { low: 1e-6, high: 1 } as const;

/** One network of a task: everything random about it follows from its seed. */
export interface TaskNetwork {
	/** uint32: initial weights, slice, batch order, dropout and exploration. */
	readonly seed: number;
	readonly learningRate: number;
	/** Per trainable layer, multiplies the initial learning rate; absent: all 1. */
	readonly layerMultipliers?: readonly number[];
	/** Per trainable layer, multiplies the weights that the episode starts with, biases apart; absent: all 1. */
	readonly initialScales?: readonly number[];
}

/** One population for one episode: networks of one spec, trained side by side. Plain data. */
export interface TrainingTask {
	/** Position in the run: results are used in this order, independent of which finishes first. */
	readonly index: number;
	readonly spec: NetworkSpec;
	readonly optimizer: OptimizerSpec;
	readonly batchSize: number;
	/** Optimiser steps of the episode (T). */
	readonly horizon: number;
	/** Optimiser steps between decisions (K); divides the horizon. */
	readonly interval: number;
	/** Each network trains on this many images of the training split, chosen by its seed; absent: on all. With `data`: at most on all of the part. */
	readonly sliceSize?: number;
	/** Images of the validation split that every network is evaluated on, the same for all (default: 512, or all there are). */
	readonly validationSize?: number;
	/** The part of the data set, or the other labels for it, that the episode is about; absent: the data set as it is. */
	readonly data?: DatasetView;
	/** Pre-training before the episode; absent: none. */
	readonly pretraining?: Pretraining;
	readonly networks: readonly TaskNetwork[];
}

/** Default number of decisions of an episode: the interval is horizon / 20. */
export const DEFAULT_DECISIONS = 20;

const TASK_KEYS = keysOf<TrainingTask>({
	index: true,
	spec: true,
	optimizer: true,
	batchSize: true,
	horizon: true,
	interval: true,
	sliceSize: true,
	validationSize: true,
	data: true,
	pretraining: true,
	networks: true,
});
const NETWORK_KEYS = keysOf<TaskNetwork>({
	seed: true,
	learningRate: true,
	layerMultipliers: true,
	initialScales: true,
});

/** Checks every key of a task; the population checks whether it fits the data set. */
export function checkTask(task: TrainingTask): TrainingTask {
	checkKeys(task, 'task', TASK_KEYS);
	inferShapes(task.spec);
	checkOptimizerSpec(task.optimizer, 'task.optimizer');
	checkInteger(task.batchSize, 'task.batchSize', 1);
	if (task.sliceSize !== undefined) checkInteger(task.sliceSize, 'task.sliceSize', 1);
	if (task.validationSize !== undefined) checkInteger(task.validationSize, 'task.validationSize', 1);
	if (task.data !== undefined) checkDatasetView(task.data, 'task.data');
	if (task.pretraining !== undefined) checkPretraining(task.pretraining, 'task.pretraining');
	checkInteger(task.horizon, 'task.horizon', 1);
	checkInteger(task.interval, 'task.interval', 1, task.horizon);
	if (task.horizon % task.interval !== 0) {
		throw invalidArgument(`a divisor of task.horizon (${task.horizon})`, 'task.interval', task.interval);
	}
	if (!Array.isArray(task.networks) || task.networks.length === 0) {
		throw invalidArgument('an array of at least one network', 'task.networks', task.networks);
	}
	for (const [n, network] of task.networks.entries()) {
		checkKeys(network, `task.networks[${n}]`, NETWORK_KEYS);
		checkInteger(network.seed, `task.networks[${n}].seed`, 0, 0xffffffff);
		checkNumber(network.learningRate, `task.networks[${n}].learningRate`, 0);
		for (const key of ['layerMultipliers', 'initialScales'] as const) {
			const factors: unknown = network[key] ?? [];
			if (!Array.isArray(factors)) throw invalidArgument('an array', `task.networks[${n}].${key}`, factors);
			for (const [l, factor] of factors.entries()) checkNumber(factor, `task.networks[${n}].${key}[${l}]`, 0);
		}
	}
	return task;
}

/** The seeds of an episode's networks: the argument, or else the task's own. @throws GannoError `INVALID_ARGUMENT` */
export function episodeSeeds({ networks }: TrainingTask, seeds: Uint32Array | undefined): Uint32Array {
	if (seeds === undefined) return Uint32Array.from(networks, ({ seed }) => seed);
	if (types.isUint32Array(seeds) && seeds.length === networks.length) return seeds;
	throw invalidArgument(`a Uint32Array of length ${networks.length}`, 'seeds', seeds);
}

/**
 * The learning rates a task starts with.
 * @param learningRates `[networks × layers]`, written
 */
export function initialLearningRates(task: TrainingTask, layers: number, learningRates: Float32Array): void {
	for (const [n, { learningRate, layerMultipliers }] of task.networks.entries()) {
		if (layerMultipliers !== undefined && layerMultipliers.length !== layers) {
			throw invalidArgument(
				`an array of length ${layers}, one a trainable layer`,
				`task.networks[${n}].layerMultipliers`,
				layerMultipliers,
			);
		}
		for (let l = 0; l < layers; l++) {
			learningRates[n * layers + l] = learningRate * (layerMultipliers?.[l] ?? 1);
		}
	}
}

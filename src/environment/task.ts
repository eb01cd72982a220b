import { checkInteger, checkNumber, checkObject, invalidArgument } from '../arguments.js';
import { inferShapes } from '../networks/shapes.js';
import type { NetworkSpec } from '../networks/spec.js';
import type { OptimizerSpec } from '../optimizer/algorithms.js';
import { checkAlgorithm, resolveHyperparameters } from '../optimizer/options.js';

/** One network of a task: everything random about it follows from its seed. */
export interface TaskNetwork {
	/** uint32: initial weights, slice, batch order, dropout and exploration. */
	readonly seed: number;
	readonly learningRate: number;
	/** Per trainable layer, multiplies the initial learning rate; absent: all 1. */
	readonly layerMultipliers?: readonly number[];
}

/** One population for one episode: networks of one spec, trained side by side. Plain data. */
export interface TrainingTask {
	/** Position in the run: results are used in this order, whatever finishes first. */
	readonly index: number;
	readonly spec: NetworkSpec;
	readonly optimizer: OptimizerSpec;
	readonly batchSize: number;
	/** Optimiser steps of the episode (T). */
	readonly horizon: number;
	/** Optimiser steps between decisions (K); divides the horizon. */
	readonly interval: number;
	/** Each network trains on this many images of the training split, chosen by its seed; absent: on all. */
	readonly sliceSize?: number;
	/** Images of the validation split that every network is judged on, the same for all (default: 512, or all there are). */
	readonly validationSize?: number;
	readonly networks: readonly TaskNetwork[];
}

/** Decisions of an episode when nobody says otherwise: the interval is horizon / 20. */
export const DEFAULT_DECISIONS = 20;

/** Checks all that a task says; whether it fits the data set is the population's to check. */
export function checkTask(task: TrainingTask): TrainingTask {
	checkObject(task, 'task');
	inferShapes(task.spec);
	checkObject(task.optimizer, 'task.optimizer');
	resolveHyperparameters(checkAlgorithm(task.optimizer.algorithm), task.optimizer.hyperparameters);
	checkInteger(task.batchSize, 'task.batchSize', 1);
	if (task.sliceSize !== undefined) checkInteger(task.sliceSize, 'task.sliceSize', 1);
	if (task.validationSize !== undefined) checkInteger(task.validationSize, 'task.validationSize', 1);
	checkInteger(task.horizon, 'task.horizon', 1);
	checkInteger(task.interval, 'task.interval', 1, task.horizon);
	if (task.horizon % task.interval !== 0) {
		throw invalidArgument(`a divisor of task.horizon (${task.horizon})`, 'task.interval', task.interval);
	}
	if (!Array.isArray(task.networks) || task.networks.length === 0) {
		throw invalidArgument('an array of at least one network', 'task.networks', task.networks);
	}
	for (const [n, network] of task.networks.entries()) {
		checkObject(network, `task.networks[${n}]`);
		checkInteger(network.seed, `task.networks[${n}].seed`, 0, 0xffffffff);
		checkNumber(network.learningRate, `task.networks[${n}].learningRate`, 0);
		const multipliers: unknown = network.layerMultipliers ?? [];
		if (!Array.isArray(multipliers))
			throw invalidArgument('an array', `task.networks[${n}].layerMultipliers`, multipliers);
		for (const [l, multiplier] of multipliers.entries()) {
			checkNumber(multiplier, `task.networks[${n}].layerMultipliers[${l}]`, 0);
		}
	}
	return task;
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

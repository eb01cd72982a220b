import type { NetworkSpec } from '../networks/spec.js';
import type { OptimizerSpec } from '../optimizer/algorithms.js';

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
	/** Images of the validation split that every network is judged on, the same for all (default 512). */
	readonly validationSize?: number;
	readonly networks: readonly TaskNetwork[];
}

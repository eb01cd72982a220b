import { checkObject, invalidArgument } from '../arguments.js';
import type { LayerwiseAlgorithm } from '../optimizer/algorithms.js';
import type { LayerwiseHyperparameters } from '../optimizer/optimizer-options.js';
import type { Actions } from './actions/actions.js';

/** What a controller knows of the training it controls. A `TrainingTask` is one; so is a training outside any environment. */
export interface ControlledTraining {
	readonly optimizer: {
		readonly algorithm: LayerwiseAlgorithm;
		readonly hyperparameters?: LayerwiseHyperparameters;
	};
	/** Optimiser steps of the whole training; Infinity when nobody knows. */
	readonly horizon: number;
	/** Optimiser steps between decisions. */
	readonly interval: number;
}

/**
 * What a controller sees at a decision, for all networks at once. Arrays are the environment's own: read, do not keep. A network
 * that has diverged keeps its last figures; what is decided for it has no effect.
 */
export interface DecisionContext {
	readonly task: ControlledTraining;
	/** 0 before the first optimiser step. */
	readonly decision: number;
	/** Decisions of the whole episode; Infinity when the horizon is unknown. */
	readonly decisions: number;
	readonly networks: number;
	readonly layers: number;
	/** Rows of observations per network: the layers, or 1 when one agent controls all of them. */
	readonly agents: number;
	/** `[networks × agents × features]`, not yet normalised. */
	readonly observations: Float32Array;
	/** `[networks × layers × POPULATION_STATISTICS]` of the last interval. */
	readonly statistics: Float32Array;
	/** `[networks × layers]` in force during the last interval, base schedule apart. */
	readonly learningRates: Float32Array;
	/** `[networks × layers]` the task started with. */
	readonly initialLearningRates: Float32Array;
	/** `[networks]`, mean over the last interval */
	readonly trainingLoss: Float32Array;
	/** `[networks]` */
	readonly validationLoss: Float32Array;
	/** `[networks]`: 1 while the network runs */
	readonly active: Uint8Array;
}

/** What a controller decides for the next interval. The environment copies; a controller may reuse its arrays. */
export interface Decision {
	/** `[networks × layers]` */
	readonly learningRates: Float32Array;
	/** `[networks × layers]`; absent: the optimiser's own. Only a TrainingEnvironment has a use for it. */
	readonly weightDecays?: Float32Array | undefined;
	/** `[networks × layers]`, from 0 to 1, of momentum and nesterov; absent: the optimiser's own. Only a TrainingEnvironment has a use for it. */
	readonly momenta?: Float32Array | undefined;
	/** `[interval]`: multiplies every learning rate step by step, so that hand-made schedules stay smooth inside an interval. */
	readonly baseSchedule?: Float32Array;
	/** `[networks × agents]`: the actions behind the learning rates (of joint ones that part), for the feature `previousAction`; absent: neutral. */
	readonly actions?: Actions;
}

/** @throws GannoError `INVALID_ARGUMENT` */
export function checkController(value: unknown, name: string, what = 'a Controller'): Controller {
	checkObject(value, name);
	const { decide, reset } = value as Partial<Controller>;
	if (typeof decide !== 'function' || typeof reset !== 'function') throw invalidArgument(what, name, value);
	return value as Controller;
}

/** Sets the learning rates of an episode. Hand-made schedules and learned policies both are one; the environment knows neither. */
export interface Controller {
	readonly name: string;
	/** It decides by the clock alone: statistics and losses need not be there. Absent: it looks at them. */
	readonly ignoresNetworks?: boolean;
	/** It means nothing without a known horizon. Absent: it can do without. */
	readonly needsHorizon?: boolean;
	/** Forget the last episode (recurrent state included). */
	reset(task: ControlledTraining): void;
	decide(context: DecisionContext): Decision;
	/** A copy of what it remembers from one decision to the next; absent or empty: nothing. */
	memory?(): Float32Array;
	/** Takes over what `memory` gave, in an episode of the same shape. */
	remember?(memory: Float32Array): void;
}

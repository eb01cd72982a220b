import { checkObject, invalidArgument } from '../arguments.js';
import { GannoError } from '../errors.js';
import type { LayerwiseAlgorithm } from '../optimizer/algorithms.js';
import type { LayerwiseHyperparameters } from '../optimizer/optimizer-options.js';
import type { Actions } from './actions/actions.js';

/** What a controller is given of the training it controls: a `TrainingTask`, or a training outside any environment. */
export interface ControlledTraining {
	readonly optimizer: {
		readonly algorithm: LayerwiseAlgorithm;
		readonly hyperparameters?: LayerwiseHyperparameters;
	};
	/** Optimiser steps of the whole training; Infinity when unknown. */
	readonly horizon: number;
	/** Optimiser steps between decisions. */
	readonly interval: number;
}

/**
 * The input of a decision, for all networks at once. Arrays belong to the environment, which overwrites them:
 * copy what you keep. A diverged network keeps its last figures; decisions for it have no effect.
 */
export interface DecisionContext {
	readonly task: ControlledTraining;
	/** 0 before the first optimiser step. */
	readonly decision: number;
	/** Decisions of the whole episode; Infinity when the horizon is unknown. */
	readonly decisions: number;
	readonly networks: number;
	readonly layers: number;
	/** Agents of a network, which is rows of observations: its layers, or 1. */
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

/** What a controller sets for the next interval. The environment copies it, so a controller may reuse its arrays. */
export interface Decision {
	/** `[networks × layers]` */
	readonly learningRates: Float32Array;
	/** `[networks × layers]`; absent: the optimiser's own. Only a TrainingEnvironment applies it. */
	readonly weightDecays?: Float32Array | undefined;
	/** `[networks × layers]`, from 0 to 1, of momentum and nesterov; absent: the optimiser's own. Only a TrainingEnvironment applies it. */
	readonly momenta?: Float32Array | undefined;
	/** `[interval]`: multiplies every learning rate step by step, so that hand-made schedules stay smooth inside an interval. */
	readonly baseSchedule?: Float32Array;
	/** `[networks × agents]`: the actions that gave the learning rates (the learning-rate part of joint ones), for the feature `previousAction`; absent: neutral. */
	readonly actions?: Actions;
}

/** @throws GannoError `INVALID_ARGUMENT` */
export function checkController(value: unknown, name: string, what = 'a Controller'): Controller {
	checkObject(value, name);
	const { decide, reset } = value as Partial<Controller>;
	if (typeof decide !== 'function' || typeof reset !== 'function') throw invalidArgument(what, name, value);
	const { memory, remember } = value as { readonly memory?: unknown; readonly remember?: unknown };
	if (typeof memory === 'function' || typeof remember === 'function') {
		throw new GannoError(
			'INVALID_ARGUMENT',
			`memory() and remember() of ${name} are called state() and restore(state) now; rename them`,
		);
	}
	return value as Controller;
}

/** Sets the learning rates of an episode: a hand-made schedule, or a learned policy. */
export interface Controller {
	readonly name: string;
	/** True: it decides from the step alone and needs no statistics or losses. Default false. */
	readonly ignoresNetworks?: boolean;
	/** True: it needs a known horizon. Default false. */
	readonly needsHorizon?: boolean;
	/** Starts a new episode; clears recurrent state. */
	reset(task: ControlledTraining): void;
	decide(context: DecisionContext): Decision;
	/** A copy of its state between decisions, such as a recurrent one; absent or empty: it has none. */
	state?(): Float32Array;
	/** Continues from a `state()` of an episode of the same shape. */
	restore?(state: Float32Array): void;
}

import type { TrainingTask } from './task.js';

/** What a controller sees at a decision, for all networks at once. Arrays are the environment's own: read, do not keep. */
export interface DecisionContext {
	readonly task: TrainingTask;
	/** 0 before the first optimiser step. */
	readonly decision: number;
	/** Decisions of the whole episode. */
	readonly decisions: number;
	readonly networks: number;
	readonly layers: number;
	/** `[networks × layers × OBSERVATION_SIZE]`, not yet normalised. */
	readonly observations: Float32Array;
	/** `[networks × layers × POPULATION_STATISTICS]` of the last interval. */
	readonly statistics: Float32Array;
	/** `[networks × layers]` in force during the last interval. */
	readonly learningRates: Float32Array;
	/** `[networks × layers]` the task started with. */
	readonly initialLearningRates: Float32Array;
	/** `[networks]` */
	readonly trainingLoss: Float32Array;
	/** `[networks]` */
	readonly validationLoss: Float32Array;
}

/** What a controller decides for the next interval. */
export interface Decision {
	/** `[networks × layers]` */
	readonly learningRates: Float32Array;
	/** `[interval]`: multiplies every learning rate step by step, so that hand-made schedules stay smooth inside an interval. */
	readonly baseSchedule?: Float32Array;
}

/** Sets the learning rates of an episode. Hand-made schedules and learned policies both are one; the environment knows neither. */
export interface Controller {
	readonly name: string;
	/** Forget the last episode (recurrent state included). */
	reset(task: TrainingTask): void;
	decide(context: DecisionContext): Decision;
}

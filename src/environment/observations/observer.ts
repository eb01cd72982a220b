/** What all observations have in common: where they come from, and their bounds. */

/** Trainable layers that share one agent: each has its own, or a network has one, which sees the mean over its layers. */
export const GRANULARITIES = ['layer', 'network'] as const;

export type Granularity = (typeof GRANULARITIES)[number];

/** Agents of a network with so many trainable layers. */
export function agentCount(granularity: Granularity, layers: number): number {
	return granularity === 'network' ? 1 : layers;
}

export interface ObservationDescription {
	readonly name: string;
	/** η learning rate, n layer size, L mean training loss of the interval, V validation loss, Δ since the last decision. */
	readonly formula: string;
	/** Bounded by construction: the normaliser leaves it as it is. */
	readonly bounded: boolean;
}

/**
 * Every feature is clipped to ±10 (a non-finite one becomes 0), so that one diverged network cannot distort the normaliser's moments. Wide
 * enough for every logarithm's floor; the normaliser clips at ±5 standard deviations afterwards.
 */
export const OBSERVATION_LIMIT = 10;

/** What happened in the last interval, for all networks. */
export interface ObservationInput {
	/** `[networks × layers × POPULATION_STATISTICS.length]` */
	readonly statistics: Float32Array;
	/** `[networks × layers]` in force during the interval */
	readonly learningRates: Float32Array;
	/** Mean of the base schedule over the interval; η = learning rate × this. */
	readonly baseFactor: number;
	/** `[networks × steps]` */
	readonly trainingLoss: Float32Array | Float64Array;
	/** Optimiser steps of the interval. */
	readonly steps: number;
	/** `[networks × validationStride]`: loss; where the stride is 3, accuracy and variance of the logits' change too. */
	readonly validation: Float32Array;
	readonly validationStride: number;
	/** Optimiser steps done / horizon; undefined when the horizon is unknown. */
	readonly progress: number | undefined;
	/** `[networks × agents]` */
	readonly previousActions: Uint8Array;
	/** `[networks]`: rows of networks that are 0 here become 0; absent: all run. */
	readonly active?: Uint8Array;
}

/** ln of a loss within [1e-3, 20]: below, an image task is solved; above, the size of the loss carries no information. */
export function logLoss(loss: number): number {
	return Math.log(loss > 1e-3 ? Math.min(loss, 20) : 1e-3);
}

/** Predictions of a population, where it offers them. */
export interface NetworkPredictions {
	/** A network's logits of the last validation, `[validation images × classes]`. */
	validationLogits?(replica: number, out?: Float32Array): Float32Array;
}

/** Encodes the last interval as observations. */
export interface Observer {
	/** Rows of observations per network. */
	readonly agents: number;
	/** Starts a new episode. */
	reset(): void;
	encode(input: ObservationInput, observations: Float32Array, predictions?: NetworkPredictions): void;
}

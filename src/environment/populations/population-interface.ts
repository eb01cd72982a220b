import type { PopulationControls } from '../../networks/population-arguments.js';
import type { TrainableLayer } from '../../networks/spec.js';
import { POPULATION_STATISTICS } from '../../optimizer/statistics.js';
import type { TrainingTask } from '../../tasks/task.js';

/** The population interface of the environment. `NetworkPopulation` implements it; tests use a small one in TypeScript. */
export interface Population {
	readonly networks: number;
	/** The agents' layers, in order. */
	readonly layers: readonly TrainableLayer[];
	/**
	 * `steps` optimiser steps of every network, then the validation loss where `out` has room for it.
	 * @param controls learning rates, `[networks × layers]`; and further ones only where agents or a controller set them
	 */
	train(
		steps: number,
		controls: Float32Array | PopulationControls,
		out: PopulationOutput,
		options?: { readonly baseSchedule?: Float32Array | undefined },
	): void;
	/** Statistics, training losses and validation of `batches` mini-batches; changes no parameter. */
	probe(batches: number, learningRates: Float32Array, out: PopulationOutput): void;
	/** @param out `[networks × 2]`: mean loss, accuracy */
	evaluate(split: 'train' | 'validation' | 'test', out: Float32Array): void;
	/** New networks from new seeds, in the same memory. */
	reset(seeds: Uint32Array): void;
	/** A network's logits of the last validation, `[validation images × classes]`; only the observation `network-v1` needs them. */
	validationLogits?(network: number, out?: Float32Array): Float32Array;
	/** A copy of a network's parameters, layer by layer, weights first; needed for tasks with `initialScales` or `pretraining`. */
	parameters?(network: number): Float32Array;
	/** Replaces them; needed for the same tasks. */
	setParameters?(network: number, values: Float32Array): void;
	/** A copy of a network's running statistics (of batch norms; may be empty); where present, a pre-training passes them on too. */
	runningStatistics?(network: number): Float32Array;
	/** Replaces them. */
	setRunningStatistics?(network: number, values: Float32Array): void;
	dispose(): void;
}

export interface PopulationOutput {
	/** `[networks × layers × POPULATION_STATISTICS.length]` */
	readonly statistics: Float32Array;
	/** `[networks × steps]` */
	readonly trainingLoss: Float32Array;
	/** `[networks × 3]`: loss (`DIVERGED_LOSS` where it is not finite), accuracy, variance of the logits' change since the last call */
	readonly validation?: Float32Array | undefined;
}

/** Opens the population of a task. `seeds` has one entry a network of the task. */
export type PopulationFactory = (task: TrainingTask, seeds: Uint32Array) => Population;

/** Output arrays for `steps` steps. */
export function populationOutput(networks: number, layers: number, steps: number): Required<PopulationOutput> {
	return {
		statistics: new Float32Array(networks * layers * POPULATION_STATISTICS.length),
		trainingLoss: new Float32Array(networks * steps),
		validation: new Float32Array(networks * 3),
	};
}

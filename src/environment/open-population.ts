import { invalidArgument } from '../arguments.js';
import type { Dataset } from '../datasets/dataset.js';
import { GannoError } from '../errors.js';
import type { PopulationFactory } from './population.js';

export interface PopulationSource {
	/** The images; needed unless `population` is given. */
	readonly dataset?: Dataset;
	/** Opens a task's population, in place of a `NetworkPopulation` over `dataset`. */
	readonly population?: PopulationFactory;
	/** Polled at every optimiser step: set its first element to 1, and the call throws `CANCELLED`. */
	readonly cancellation?: Int32Array;
	/** Threads of native calls. Default: 1 inside a worker, else all cores. */
	readonly threads?: number;
}

/** How an environment opens the population of a task. */
export function populationFactory({ population, dataset }: PopulationSource): PopulationFactory {
	if (population !== undefined) {
		if (typeof population === 'function') return population;
		throw invalidArgument('a function that opens a population', 'population', population);
	}
	if (dataset === undefined) throw invalidArgument('a data set, or a function for population', 'dataset', dataset);
	return () => {
		throw new GannoError('INTERNAL', 'NetworkPopulation is not built in yet; pass population.');
	};
}

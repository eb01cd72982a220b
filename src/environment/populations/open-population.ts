import { checkObject, invalidArgument, keysOf } from '../../arguments.js';
import type { Dataset } from '../../datasets/dataset.js';
import { viewDataset } from '../../datasets/view.js';
import { NetworkPopulation } from '../../networks/population.js';
import type { PopulationDevice, Precision } from '../../networks/population-options.js';
import type { PopulationFactory } from './population-interface.js';

export interface PopulationSource {
	/** The images; needed unless `population` is given. */
	readonly dataset?: Dataset;
	/** Opens a task's population, in place of a `NetworkPopulation` over `dataset`. */
	readonly population?: PopulationFactory;
	/** Over a SharedArrayBuffer, polled at every optimiser step: set its first element to 1, and the call throws `CANCELLED`. */
	readonly cancellation?: Int32Array | undefined;
	/** Threads of native calls. Default: 1 inside a worker, else all cores. */
	readonly threads?: number | undefined;
	/** Where networks are trained: 'auto' (default, the CPU), 'cpu' or `cuda:N`. */
	readonly device?: PopulationDevice | undefined;
	/** What networks' products are computed in; default 'float32'. 'tf32' needs a CUDA device. */
	readonly precision?: Precision | undefined;
}

export const POPULATION_SOURCE_KEYS = keysOf<PopulationSource>({
	dataset: true,
	population: true,
	cancellation: true,
	threads: true,
	device: true,
	precision: true,
});

/** How an environment opens the population of a task. */
export function populationFactory(source: PopulationSource): PopulationFactory {
	const { population, dataset, cancellation, threads, device, precision } = source;
	if (population !== undefined) {
		if (typeof population === 'function') return population;
		throw invalidArgument('a function that opens a population', 'population', population);
	}
	if (typeof dataset !== 'object' || dataset === null) {
		throw invalidArgument('a data set, or a function for population', 'dataset', dataset);
	}
	checkObject(dataset.splits, 'dataset.splits');
	return (task, seeds) => {
		const { spec, batchSize, optimizer, sliceSize, validationSize, data } = task;
		const replicas = task.networks.length;
		const seen = data === undefined ? dataset : viewDataset(dataset, data);
		// How many images a part of a data set has is not for the task to know.
		const slice =
			sliceSize === undefined || data === undefined ? sliceSize : Math.min(sliceSize, seen.splits.train.length);
		const shape = { spec, replicas, batchSize, optimizer, sliceSize: slice, validationSize };
		return new NetworkPopulation({ ...shape, dataset: seen, seeds, cancellation, threads, device, precision });
	};
}

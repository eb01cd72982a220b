import { checkObject, invalidArgument, keysOf } from '../../arguments.js';
import type { Dataset } from '../../datasets/dataset.js';
import { viewDataset } from '../../datasets/view.js';
import { NetworkPopulation } from '../../networks/population.js';
import { type PopulationResources, RESOURCE_KEYS, resourcesOf } from '../../networks/population-resources.js';
import type { PopulationFactory } from './population-interface.js';

export interface PopulationSource extends PopulationResources {
	/** The images; needed unless `population` is given. */
	readonly dataset?: Dataset;
	/** Opens a task's population, in place of a `NetworkPopulation` over `dataset`. */
	readonly population?: PopulationFactory | undefined;
}

export const POPULATION_SOURCE_KEYS = [
	...keysOf<Omit<PopulationSource, keyof PopulationResources>>({ dataset: true, population: true }),
	...RESOURCE_KEYS,
];

/** The factory that opens the population of a task. */
export function populationFactory(source: PopulationSource): PopulationFactory {
	const { population, dataset } = source;
	if (population !== undefined) {
		if (typeof population === 'function') return population;
		throw invalidArgument('a function that opens a population', 'population', population);
	}
	if (typeof dataset !== 'object' || dataset === null) {
		throw invalidArgument('a data set, or a function for population', 'dataset', dataset);
	}
	checkObject(dataset.splits, 'dataset.splits');
	const resources = resourcesOf(source);
	return (task, seeds) => {
		const { spec, batchSize, optimizer, sliceSize, validationSize, data } = task;
		const networks = task.networks.length;
		const seen = data === undefined ? dataset : viewDataset(dataset, data);
		// A task does not know how many images a part of a data set has.
		const slice =
			sliceSize === undefined || data === undefined ? sliceSize : Math.min(sliceSize, seen.splits.train.length);
		const shape = { spec, networks, batchSize, optimizer, sliceSize: slice, validationSize };
		return new NetworkPopulation({ ...shape, dataset: seen, seeds, ...resources });
	};
}

import type { NetworkPopulation } from '../../src/networks/population.js';
import { POPULATION_STATISTICS } from '../../src/optimizer/statistics.js';

/** Arrays for `steps` steps of a population. */
export function populationOutput(population: NetworkPopulation, steps: number) {
	const { replicas, layers } = population;
	return {
		statistics: new Float32Array(replicas * layers.length * POPULATION_STATISTICS.length),
		trainingLoss: new Float32Array(replicas * steps),
		validation: new Float32Array(replicas * 3),
	};
}

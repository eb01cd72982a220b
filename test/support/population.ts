import type { NetworkPopulation } from '../../src/networks/population.js';
import { POPULATION_STATISTICS } from '../../src/optimizer/statistics.js';

/** Arrays for `steps` steps of a population. */
export function populationOutput(population: NetworkPopulation, steps: number) {
	const { networks, layers } = population;
	return {
		statistics: new Float32Array(networks * layers.length * POPULATION_STATISTICS.length),
		trainingLoss: new Float32Array(networks * steps),
		validation: new Float32Array(networks * 3),
	};
}

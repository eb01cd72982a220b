import { POPULATION_STATISTICS } from 'ganno';
import { caseNamed } from '../../cases.js';
import { randomDataset } from '../../support/random-dataset.js';
import { BATCH, openPopulation } from './populations.js';
import type { Work } from './work.js';

/** Training steps of one network, Adam, with all statistics of every step. */
export async function trainWork(what: string, contender: string): Promise<Work> {
	const { spec } = caseNamed(what);
	const { population, version } = await openPopulation(contender, {
		spec,
		networks: 1,
		batchSize: BATCH,
		optimizer: { algorithm: 'adam' },
		dataset: randomDataset(spec.input, 4096),
		seeds: Uint32Array.of(0),
	});
	// tfjs makes nothing of more steps a call; a slice must not last for minutes.
	const steps = contender === 'native' ? 10 : 1;
	const statistics = new Float32Array(population.layers.length * POPULATION_STATISTICS.length);
	const trainingLoss = new Float32Array(steps);
	return {
		version,
		step() {
			population.train(steps, 1e-3, { statistics, trainingLoss });
			const loss = trainingLoss.at(-1) as number;
			return { steps, loss: loss < 100 ? loss : Number.NaN };
		},
	};
}

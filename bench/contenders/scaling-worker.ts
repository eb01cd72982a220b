/** A worker thread that trains one network for as long as each message says, and answers with what it did. */

import { parentPort, workerData } from 'node:worker_threads';
import { NetworkPopulation, POPULATION_STATISTICS } from 'ganno';
import { caseNamed } from '../cases.js';
import { randomDataset } from '../support/random-dataset.js';

const STEPS = 10;
const { caseName, seed } = workerData as { readonly caseName: string; readonly seed: number };
const { spec } = caseNamed(caseName);
const layers = spec.layers.filter(({ type }) => type === 'dense' || type === 'conv').length;
const population = new NetworkPopulation({
	spec,
	networks: 1,
	threads: 1,
	batchSize: 64,
	optimizer: { algorithm: 'adam' },
	dataset: randomDataset(spec.input, 4096),
	seeds: Uint32Array.of(seed),
});
const learningRates = new Float32Array(layers).fill(1e-3);
const statistics = new Float32Array(layers * POPULATION_STATISTICS.length);
const trainingLoss = new Float32Array(STEPS);

parentPort?.on('message', (milliseconds: number) => {
	const start = performance.now();
	let steps = 0;
	do {
		population.train(STEPS, learningRates, { statistics, trainingLoss });
		steps += STEPS;
	} while (performance.now() - start < milliseconds);
	parentPort?.postMessage({ steps, wallSeconds: (performance.now() - start) / 1e3 });
});

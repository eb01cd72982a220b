import { NetworkPopulation, POPULATION_STATISTICS, type PopulationDevice } from 'ganno';
import type { Case } from '../cases.js';
import { randomDataset } from '../support/random-dataset.js';
import { BATCH, IMAGES } from './contender.js';

/** Networks whose losses are compared. */
const NETWORKS = 2;

export interface CurveOptions {
	readonly device: PopulationDevice;
	readonly precision?: 'float32' | 'tf32';
	readonly steps: number;
}

/**
 * Training losses of the first steps, network after network: [networks × steps].
 * Noise with random labels, the hardest case: nothing pulls two curves together again.
 */
export function trainingLosses({ spec }: Case, { device, precision = 'float32', steps }: CurveOptions): Float32Array {
	using population = new NetworkPopulation({
		spec,
		networks: NETWORKS,
		batchSize: BATCH,
		optimizer: { algorithm: 'adam' },
		dataset: randomDataset(spec.input, IMAGES),
		seeds: Uint32Array.from({ length: NETWORKS }, (_, seed) => seed + 1),
		device,
		precision,
	});
	const trainingLoss = new Float32Array(NETWORKS * steps);
	const statistics = new Float32Array(NETWORKS * population.layers.length * POPULATION_STATISTICS.length);
	population.train(steps, 1e-3, { statistics, trainingLoss });
	return trainingLoss;
}

/** The largest difference of two curves, relative to the first. @throws Error when a loss is not finite, or nothing was learned */
export function largestDifference(name: string, expected: Float32Array, found: Float32Array): number {
	const steps = expected.length / NETWORKS;
	if (found.length !== expected.length || expected.length === 0)
		throw new Error(`${name}: the curves differ in length`);
	let largest = 0;
	for (const [i, loss] of expected.entries()) {
		const other = found[i] as number;
		if (!(loss > 0 && loss < 100 && other > 0 && other < 100))
			throw new Error(`${name}: loss ${i} is ${loss} and ${other}`);
		largest = Math.max(largest, Math.abs(other - loss) / loss);
	}
	if (new Set(expected.subarray(0, steps)).size < 2 && steps > 1) throw new Error(`${name}: the loss never changes`);
	return largest;
}

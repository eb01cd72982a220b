import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../src/datasets/synthetic.js';
import { cnn, mlp } from '../src/networks/builders.js';
import { NetworkPopulation } from '../src/networks/population.js';
import type { NetworkSpec } from '../src/networks/spec.js';
import { populationOutput } from './support/population.js';

const dataset = syntheticDataset({ shape: [8, 8, 1], classes: 5, size: 1000, noise: 80 });
const input = [8, 8, 1] as const;

const networks: [string, NetworkSpec][] = [
	['an MLP', mlp({ input, hidden: [32, 16], classes: 5 })],
	['a tanh MLP with dropout', mlp({ input, hidden: [32], classes: 5, activation: 'tanh', dropout: 0.2 })],
	['a CNN', cnn({ input, filters: [8, 12], hidden: [16], classes: 5 })],
];

describe('NetworkPopulation learns', () => {
	it.each(networks)('%s classifies images it has not seen', (_, spec) => {
		using population = new NetworkPopulation({
			spec,
			replicas: 3,
			batchSize: 16,
			optimizer: { algorithm: 'adam' },
			dataset,
			seeds: Uint32Array.of(1, 2, 3),
		});
		const out = populationOutput(population, 200);
		population.probe(1, 3e-3, populationOutput(population, 1));
		population.train(200, 3e-3, out);
		const test = new Float32Array(6);
		population.evaluate('test', test);
		for (let i = 0; i < 3; i++) {
			expect(test[2 * i + 1]).toBeGreaterThan(0.9);
			expect(out.validation[3 * i]).toBeLessThan(0.5);
			expect(out.validation[3 * i + 2]).toBeGreaterThan(0);
		}
		expect([...population.divergedFlags()]).toEqual([0, 0, 0]);
	});
});

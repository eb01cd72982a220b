import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../../src/datasets/synthetic.js';
import { cnn, mlp, residual } from '../../../src/networks/builders.js';
import { NetworkPopulation } from '../../../src/networks/population.js';
import type { NetworkSpec } from '../../../src/networks/spec.js';
import { POPULATION_STATISTICS, STATISTIC_INDEX } from '../../../src/optimizer/statistics.js';
import { populationOutput } from '../../support/population.js';
import { ON_CUDA, ON_EMULATION, TEST_DEVICE } from '../../support/test-device.js';

const dataset = syntheticDataset({ shape: [8, 8, 1], classes: 5, size: 1000, noise: 80 });
const input = [8, 8, 1] as const;

const networks: [string, NetworkSpec][] = [
	['an MLP', mlp({ input, hidden: [32, 16], classes: 5 })],
	['a tanh MLP with dropout', mlp({ input, hidden: [32], classes: 5, activation: 'tanh', dropout: 0.2 })],
	['a CNN', cnn({ input, filters: [8, 12], hidden: [16], classes: 5 })],
	['a residual network', residual({ input, blocks: 1, width: 8, classes: 5 })],
	['a residual network of 20 layers', residual({ input, blocks: 3, width: 4, classes: 5 })],
];

/** What an emulation learns in seconds. */
const small: [string, NetworkSpec][] = [
	['a small MLP', mlp({ input, hidden: [8], classes: 5 })],
	['a small CNN', cnn({ input, filters: [4], hidden: [], classes: 5 })],
];
const [steps, learningRate] = ON_EMULATION ? [60, 0.02] : [200, 3e-3];

describe('NetworkPopulation learns', () => {
	it.each(ON_EMULATION ? small : networks)('%s classifies images it has not seen', (_, spec) => {
		using population = new NetworkPopulation({
			device: TEST_DEVICE,
			spec,
			networks: 3,
			batchSize: 16,
			optimizer: { algorithm: 'adam' },
			dataset,
			seeds: Uint32Array.of(1, 2, 3),
		});
		const out = populationOutput(population, steps);
		population.probe(1, learningRate, populationOutput(population, 1));
		population.train(steps, learningRate, out);
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

describe('moments of units that died', () => {
	it.skipIf(ON_CUDA)(
		'decay to exactly zero: denormals, each of which would cost a microcode assist, are flushed',
		() => {
			const data = syntheticDataset({ shape: [4, 4, 1], classes: 3, size: 300, seed: 5 });
			using population = new NetworkPopulation({
				device: TEST_DEVICE,
				spec: {
					input: [4, 4, 1],
					layers: [
						{ type: 'dense', units: 8, activation: 'relu' },
						{ type: 'dense', units: 3 },
					],
				},
				networks: 1,
				batchSize: 16,
				optimizer: { algorithm: 'momentum' },
				dataset: data,
				seeds: Uint32Array.of(1),
			});
			const statistics = new Float32Array(2 * POPULATION_STATISTICS.length);
			const train = (steps: number, learningRate: number): number => {
				population.train(steps, learningRate, { statistics, trainingLoss: new Float32Array(steps) });
				return statistics[STATISTIC_INDEX.momentNorm] as number;
			};
			expect(train(5, 0.01)).toBeGreaterThan(0);
			const parameters = population.parameters(0);
			parameters.fill(-1000, 16 * 8, 16 * 8 + 8); // biases that no input lifts above zero
			population.setParameters(0, parameters);
			train(1200, 0); // 0.9^1200 is 1e-55: kept, the velocity would rest at a few times 1e-45 for ever
			expect(train(1, 0)).toBe(0);
		},
	);
});

describe('a network some of whose logits are not numbers', () => {
	it('has no finite loss, whatever the classes asked for', () => {
		const data = syntheticDataset({ shape: [4, 4, 1], classes: 3, size: 300, seed: 5 });
		using population = new NetworkPopulation({
			device: TEST_DEVICE,
			spec: {
				input: [4, 4, 1],
				layers: [
					{ type: 'dense', units: 2, activation: 'relu' },
					{ type: 'dense', units: 3 },
				],
			},
			networks: 1,
			batchSize: 16,
			optimizer: { algorithm: 'sgd' },
			dataset: data,
			seeds: Uint32Array.of(1),
		});
		// Two hidden units of 1e30, which class 1 weighs with 1e30 and -1e30: infinity less infinity. The others see 0.
		const parameters = new Float32Array(population.parameterCount);
		parameters.set([1e30, 1e30], 32);
		parameters.set([0, 1e30, 0, 0, -1e30, 0], 34);
		population.setParameters(0, parameters);
		const others = data.splits.train.filter((image) => data.labels[image] !== 1).slice(0, 8);
		expect(() => population.lossAndGradient(0, others, new Float32Array(parameters.length))).toThrow(
			expect.objectContaining({ code: 'DIVERGED' }),
		);
		const out = new Float32Array(2);
		population.evaluate('test', out);
		expect(out[0]).toBe(1e6); // what stands for a loss that is not finite
	});
});

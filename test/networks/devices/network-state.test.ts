import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../../src/datasets/synthetic.js';
import { cnn } from '../../../src/networks/builders.js';
import { DIVERGED_LOSS, NetworkPopulation } from '../../../src/networks/population.js';
import { ALGORITHMS, type OptimizerSpec } from '../../../src/optimizer/algorithms.js';
import { populationOutput } from '../../support/population.js';
import { TEST_DEVICE } from '../../support/test-device.js';

const spec = cnn({ input: [8, 8, 1], filters: [6], hidden: [20], classes: 4, dropout: 0.3 });
const dataset = syntheticDataset();

function open(seeds = [1, 2, 3], optimizer: OptimizerSpec = { algorithm: 'adam' }) {
	return new NetworkPopulation({
		device: TEST_DEVICE,
		spec,
		networks: seeds.length,
		batchSize: 10,
		optimizer,
		dataset,
		seeds: Uint32Array.from(seeds),
	});
}

/** Trains and returns all that can be seen of one network. */
function observe(population: NetworkPopulation, network: number, steps = 7) {
	const out = populationOutput(population, steps);
	population.train(steps, 0.01, out);
	const layers = population.layers.length * 16;
	return {
		parameters: population.parameters(network),
		loss: out.trainingLoss.slice(network * steps, (network + 1) * steps),
		statistics: out.statistics.slice(network * layers, (network + 1) * layers),
		validation: out.validation.slice(3 * network, 3 * network + 3),
	};
}

describe('save, restore, fork', () => {
	it.each(ALGORITHMS)('a restored network goes on exactly as before: %s', (algorithm) => {
		using population = open([1, 2, 3], { algorithm });
		observe(population, 1);
		population.save(1);
		const first = observe(population, 1);
		observe(population, 1);
		population.restore(1);
		expect(observe(population, 1)).toEqual(first);
		population.restore(1); // any number of times
		expect(observe(population, 1)).toEqual(first);
	});

	it('a fork and its origin go on alike', () => {
		using population = open();
		observe(population, 0);
		population.fork(0, 2);
		const out = populationOutput(population, 5);
		population.train(5, 0.01, out);
		expect(population.parameters(2)).toEqual(population.parameters(0));
		expect(out.trainingLoss.slice(10)).toEqual(out.trainingLoss.slice(0, 5));
		expect(out.validation.slice(6)).toEqual(out.validation.slice(0, 3));
		expect(population.parameters(1)).not.toEqual(population.parameters(0));
	});

	it('restore needs a save, and a reset forgets it', () => {
		using population = open();
		expect(() => population.restore(0)).toThrow(/save\(0\)/);
		population.save(0);
		population.reset(Uint32Array.of(1, 2, 3));
		expect(() => population.restore(0)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
	});

	it('reset makes the networks that a new population would have', () => {
		using used = open([4, 5, 6]);
		observe(used, 0);
		used.reset(Uint32Array.of(1, 2, 3));
		using fresh = open();
		expect(observe(used, 2)).toEqual(observe(fresh, 2));
	});
});

describe('validationLogits', () => {
	it('are those whose change the validation reports, and zeros before the first', () => {
		using population = open();
		const count = population.validationLogitCount;
		expect(count).toBe(Math.min(512, dataset.splits.validation.length) * 4);
		expect(population.validationLogits(1)).toEqual(new Float32Array(count));
		observe(population, 1);
		const before = population.validationLogits(1);
		expect(before.some((logit) => logit !== 0)).toBe(true);
		expect(population.validationLogits(0)).not.toEqual(before);
		const { validation } = observe(population, 1);
		const change = population.validationLogits(1).map((logit, i) => logit - before[i]!);
		const mean = change.reduce((sum, value) => sum + value, 0) / count;
		const variance = change.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
		expect(validation[2]).toBeCloseTo(variance, 6);
		population.reset(Uint32Array.of(1, 2, 3));
		expect(population.validationLogits(1)).toEqual(new Float32Array(count));
	});

	it('are written where they are wanted, and of a network that there is', () => {
		using population = open();
		observe(population, 0);
		const out = new Float32Array(population.validationLogitCount);
		expect(population.validationLogits(2, out)).toBe(out);
		expect(() => population.validationLogits(3)).toThrow(/an integer from 0 to 2 for network/);
		expect(() => population.validationLogits(0, new Float32Array(3))).toThrow(/validationSize × classes/);
	});
});

describe('setParameters', () => {
	it('gives back what was set, padding or not', () => {
		using population = open();
		const values = Float32Array.from({ length: population.parameterCount }, (_, i) => Math.sin(i));
		population.setParameters(1, values);
		expect(population.parameters(1)).toEqual(values);
		expect(population.parameters(0)).not.toEqual(values);
	});
});

describe('probe', () => {
	it('changes nothing but what validation compares with', () => {
		using probed = open();
		using plain = open();
		probed.probe(4, 0.01, populationOutput(probed, 4));
		const first = observe(probed, 1);
		const expected = observe(plain, 1);
		expect(expected.validation[2]).toBe(0);
		expect(first.validation[2]).toBeGreaterThan(0);
		first.validation[2] = 0;
		expect(first).toEqual(expected);
	});

	it('gives the statistics and losses that steps would have', () => {
		using population = open();
		const out = populationOutput(population, 3);
		population.probe(3, 0.02, out);
		for (let i = 0; i < out.statistics.length; i += 16) {
			expect(out.statistics[i]).toBeGreaterThan(0); // gradient norm
			expect(out.statistics[i + 8]).toBeGreaterThan(0); // update norm
			expect(out.statistics[i + 15]).toBe(Math.fround(0.02));
		}
		const again = populationOutput(population, 3);
		population.probe(3, 0.02, again);
		expect(again.trainingLoss).toEqual(out.trainingLoss);
		expect(again.statistics).toEqual(out.statistics);
	});

	it('draws batches of its own', () => {
		using population = open();
		const probe = populationOutput(population, 2);
		population.probe(2, 0, probe);
		const out = populationOutput(population, 2);
		population.train(2, 0, out);
		expect(out.trainingLoss).not.toEqual(probe.trainingLoss);
	});
});

describe('divergence', () => {
	it('stops the network that diverges, reports numbers, and leaves the others alone', () => {
		using population = open([1, 2, 3], { algorithm: 'sgd' });
		using calm = open([1, 2, 3], { algorithm: 'sgd' });
		const layers = population.layers.length;
		const rates = new Float32Array(3 * layers).fill(0.01);
		rates.fill(1e30, layers, 2 * layers);
		const out = populationOutput(population, 20);
		population.train(20, rates, out);
		expect([...population.divergedFlags()]).toEqual([0, 1, 0]);
		expect(out.trainingLoss[39]).toBe(DIVERGED_LOSS);
		expect([...out.validation.subarray(3, 6)]).toEqual([DIVERGED_LOSS, 0, 0]);
		for (const values of Object.values(out)) for (const value of values) expect(Number.isFinite(value)).toBe(true);
		const evaluation = new Float32Array(6);
		population.evaluate('validation', evaluation);
		expect([...evaluation.subarray(2, 4)]).toEqual([DIVERGED_LOSS, 0]);

		calm.train(20, 0.01, populationOutput(calm, 20));
		expect(population.parameters(0)).toEqual(calm.parameters(0));

		const stopped = population.parameters(1);
		population.train(20, 0.01, out);
		expect(population.parameters(1)).toEqual(stopped);
		expect([...out.statistics.subarray(16 * layers, 32 * layers)]).toEqual(Array(16 * layers).fill(0));

		population.fork(0, 1);
		expect([...population.divergedFlags()]).toEqual([0, 0, 0]);
	});
});

describe('the floating-point control word', () => {
	it('is what it was: denormals are flushed inside a call only', () => {
		using population = open();
		observe(population, 0);
		const gradient = new Float32Array(population.parameterCount);
		population.lossAndGradient(0, Uint32Array.of(1), gradient);
		const smallest = Float64Array.of(Number.MIN_VALUE);
		expect(smallest[0]! * population.networks).toBe(3 * 2 ** -1074);
		expect(smallest[0]! * population.networks).toBeGreaterThan(0);
	});
});

import { describe, expect, it } from 'vitest';
import { syntheticDataset } from '../../../src/datasets/synthetic.js';
import { residual } from '../../../src/networks/builders.js';
import { DIVERGED_LOSS, NetworkPopulation } from '../../../src/networks/population.js';
import type { NetworkPopulationOptions } from '../../../src/networks/population-options.js';
import type { NetworkSpec } from '../../../src/networks/spec.js';
import { childNetworkReference } from '../../support/child-network-reference.js';
import { NORMALIZED_CASES } from '../../support/network-cases.js';
import { populationOutput } from '../../support/population.js';
import { normalizedImage, randomDataset } from '../../support/random-dataset.js';
import { POPULATION_BACKENDS, TEST_DEVICE } from '../../support/test-device.js';

/** The running statistics of batch norm: what they are, when they change, and that they belong to a network's state. */

const spec = residual({ input: [8, 8, 1], classes: 4, blocks: 1, width: 5, stages: 2 });
const dataset = syntheticDataset();

function open(options: Partial<NetworkPopulationOptions> = {}) {
	return new NetworkPopulation({
		device: TEST_DEVICE,
		spec,
		networks: 3,
		batchSize: 10,
		optimizer: { algorithm: 'adam' },
		dataset,
		seeds: Uint32Array.of(1, 2, 3),
		...options,
	});
}

function train(population: NetworkPopulation, steps = 4) {
	const out = populationOutput(population, steps);
	population.train(steps, 0.01, out);
	return out;
}

/** All that can be seen of one network. */
function observe(population: NetworkPopulation, network: number) {
	const out = train(population);
	const evaluation = new Float32Array(2 * population.networks);
	population.evaluate('test', evaluation);
	return {
		parameters: population.parameters(network),
		running: population.runningStatistics(network),
		loss: out.trainingLoss.slice(4 * network, 4 * network + 4),
		validation: out.validation.slice(3 * network, 3 * network + 3),
		evaluation: evaluation.slice(2 * network, 2 * network + 2),
	};
}

describe.each(POPULATION_BACKENDS)('on %s', (_, options) => {
	const cases = Object.entries(NORMALIZED_CASES).filter(([, { layers }]) =>
		// Dropout draws anew each step.
		JSON.stringify(layers).includes('batch-norm'),
	);

	it.each(cases)(
		'they follow the float64 reference over three batches, and evaluation uses them: %s',
		(_, withDropout) => {
			const without = JSON.parse(JSON.stringify(withDropout).replaceAll(/"rate":[\d.]+/g, '"rate":0')) as NetworkSpec;
			const data = randomDataset(without.input, 4);
			const images = (indices: Uint32Array) => Array.from(indices, (index) => normalizedImage(data, index));
			const labels = (indices: Uint32Array) => Array.from(indices, (index) => data.labels[index]!);
			const { train: batch, test } = data.splits;
			// Every batch is the whole training split, and a rate of 0 leaves the parameters.
			using population = open({
				spec: without,
				dataset: data,
				networks: 1,
				seeds: Uint32Array.of(7),
				batchSize: batch.length,
				...options,
			});
			const parameters = Float64Array.from(population.parameters(0));
			const start = population.runningStatistics(0);
			expect([...new Set(start)].toSorted((a, b) => a - b)).toEqual([0, 1]);
			const running = { values: Float64Array.from(start), next: 0 };
			for (let step = 0; step < 3; step++) {
				running.next = 0;
				childNetworkReference(without, parameters, images(batch), labels(batch), undefined, running);
			}
			population.train(3, 0, populationOutput(population, 3));
			const found = population.runningStatistics(0);
			for (const [i, value] of found.entries()) {
				expect(Math.abs(value - running.values[i]!)).toBeLessThan(2e-6 * (1 + Math.abs(running.values[i]!)));
			}
			running.next = 0;
			const { loss } = childNetworkReference(
				without,
				parameters,
				images(test),
				labels(test),
				undefined,
				running,
				false,
			);
			const evaluation = new Float32Array(2);
			population.evaluate('test', evaluation);
			expect(Math.abs(evaluation[0]! - loss)).toBeLessThan(1e-5 * (1 + loss));
		},
	);
});

describe('the running statistics', () => {
	it('belong to what save keeps, restore brings back and fork copies', () => {
		using population = open();
		train(population);
		population.save(1);
		const saved = population.runningStatistics(1);
		const first = observe(population, 1);
		expect(first.running).not.toEqual(saved);
		population.restore(1);
		expect(population.runningStatistics(1)).toEqual(saved);
		expect(observe(population, 1)).toEqual(first);
		population.fork(1, 2);
		expect(population.runningStatistics(2)).toEqual(population.runningStatistics(1));
		const [one, two] = [1, 2].map((network) => observe(population, network).evaluation);
		expect(one).not.toEqual(two); // four steps apart
		expect(population.runningStatistics(2)).toEqual(population.runningStatistics(1));
	});

	it('start anew with a reset', () => {
		using used = open({ seeds: Uint32Array.of(4, 5, 6) });
		train(used);
		used.reset(Uint32Array.of(1, 2, 3));
		using fresh = open();
		expect(used.runningStatistics(0)).toEqual(fresh.runningStatistics(0));
		expect(observe(used, 0)).toEqual(observe(fresh, 0));
	});

	it('are left alone by probes, gradients and evaluation', () => {
		using population = open();
		train(population);
		const before = population.runningStatistics(0);
		population.probe(3, 0.01, populationOutput(population, 3));
		population.lossAndGradient(0, Uint32Array.of(1, 2, 3), new Float32Array(population.parameterCount));
		population.evaluate('train', new Float32Array(6));
		expect(population.runningStatistics(0)).toEqual(before);
	});

	it('can be set: with the parameters they make another network of it', () => {
		using population = open();
		train(population);
		population.setParameters(2, population.parameters(0));
		const evaluate = () => {
			const out = new Float32Array(6);
			population.evaluate('test', out);
			return [out[0], out[4]];
		};
		expect(evaluate()[0]).not.toBe(evaluate()[1]);
		population.setRunningStatistics(2, population.runningStatistics(0));
		expect(evaluate()[0]).toBe(evaluate()[1]);
	});

	it('are empty without batch norm', () => {
		using population = open({ spec: { input: [8, 8, 1], layers: [{ type: 'dense', units: 4 }] } });
		expect(population.runningStatisticsCount).toBe(0);
		expect(population.runningStatistics(0)).toEqual(new Float32Array(0));
		population.setRunningStatistics(0, new Float32Array(0));
	});

	it.each<[string, (values: Float32Array) => Float32Array, RegExp]>([
		['another length', (values) => values.slice(1), /runningStatisticsCount/],
		['NaN', (values) => values.with(3, Number.NaN), /values\[3\]/],
		['a negative variance', (values) => values.with(5, -1), /a variance of at least 0 for values\[5\]/],
	])('refuse %s', (_, spoil, message) => {
		using population = open();
		expect(() => population.setRunningStatistics(0, spoil(population.runningStatistics(0)))).toThrow(message);
	});

	it('that overflow stop the network, though its loss is finite', () => {
		// A value of 1e25 has a finite mean, but no finite variance: batch norm makes it 0.
		const dense: NetworkSpec = {
			input: [8, 8, 1],
			layers: [{ type: 'dense', units: 3 }, { type: 'batch-norm' }, { type: 'dense', units: 4 }],
		};
		using population = open({ spec: dense, networks: 2, seeds: Uint32Array.of(1, 2) });
		const parameters = population.parameters(0);
		parameters.fill(1e25, 0, 64 * 3);
		population.setParameters(0, parameters);
		const out = train(population);
		expect([...population.divergedFlags()]).toEqual([1, 0]);
		expect(out.trainingLoss[3]).toBe(DIVERGED_LOSS);
		expect(out.trainingLoss[7]).toBeLessThan(10);
		for (const values of Object.values(out)) for (const value of values) expect(Number.isFinite(value)).toBe(true);
	});
});

describe('a batch norm of single values', () => {
	it('is refused: one has no variance', () => {
		const layers: NetworkSpec['layers'] = [
			{ type: 'dense', units: 3 },
			{ type: 'batch-norm' },
			{ type: 'dense', units: 4 },
		];
		expect(() => open({ spec: { input: [8, 8, 1], layers }, batchSize: 1 })).toThrow(/no variance.*batchSize of 1/);
		using _images = open({ batchSize: 1 });
		using _two = open({ spec: { input: [8, 8, 1], layers }, batchSize: 2 });
	});
});

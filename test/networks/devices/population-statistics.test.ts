import { describe, expect, it } from 'vitest';
import type { Dataset } from '../../../src/datasets/dataset.js';
import { NetworkPopulation } from '../../../src/networks/population.js';
import type { NetworkSpec } from '../../../src/networks/spec.js';
import { ALGORITHMS } from '../../../src/optimizer/algorithms.js';
import { LayerwiseOptimizer } from '../../../src/optimizer/layerwise-optimizer.js';
import { STATISTIC_INDEX } from '../../../src/optimizer/statistics.js';
import { PhiloxGenerator } from '../../../src/philox.js';
import { populationOutput } from '../../support/population.js';
import { randomDataset } from '../../support/random-dataset.js';
import { POPULATION_BACKENDS, TEST_DEVICE } from '../../support/test-device.js';

const spec: NetworkSpec = {
	input: [6, 6, 1],
	layers: [
		{ type: 'conv', filters: 11, kernelSize: 3, activation: 'relu' },
		{ type: 'max-pool', size: 2 },
		{ type: 'dense', units: 70, activation: 'tanh' },
		{ type: 'dense', units: 4 },
	],
};

/** A training split of one image, so that every batch is known; its pixels may be changed between steps. */
function oneImage(): Dataset {
	const dataset = randomDataset(spec.input, 4);
	return { ...dataset, splits: { ...dataset.splits, train: new Uint32Array(new SharedArrayBuffer(4)) } };
}

function repaint(dataset: Dataset, generator: PhiloxGenerator): void {
	for (let i = 0; i < 36; i++) dataset.images[i] = generator.nextInteger(256);
}

/** The population's parameters as one array for weights and one for biases, layer by layer. */
function arraysOf(population: NetworkPopulation, flat: Float32Array): Float32Array[][] {
	let offset = 0;
	return population.layers.map(({ size, biasShape }) => {
		const arrays = [
			flat.slice(offset, offset + size - biasShape[0]),
			flat.slice(offset + size - biasShape[0], offset + size),
		];
		offset += size;
		return arrays;
	});
}

describe.each(POPULATION_BACKENDS)('on %s', (_, options) => {
	it.each([
		...ALGORITHMS.map((algorithm) => [algorithm, {}] as const),
		['adam', { beta1: 0 }] as const,
		['adamw', { beta1: 0.3 }] as const,
	])('steps and statistics are those of LayerwiseOptimizer, bit for bit: %s %o', (algorithm, other) => {
		const dataset = oneImage();
		using population = new NetworkPopulation({
			spec,
			networks: 1,
			batchSize: 1,
			optimizer: { algorithm, hyperparameters: { weightDecay: 0.03, ...other } },
			dataset,
			seeds: Uint32Array.of(3),
			...options,
		});
		const parameters = arraysOf(population, population.parameters(0));
		const gradients = parameters.map((arrays) => arrays.map(({ length }) => new Float32Array(length)));
		const optimizer = new LayerwiseOptimizer({
			algorithm,
			hyperparameters: { weightDecay: 0.03, ...other },
			layers: population.layers.map(({ name }, i) => ({
				name,
				parameters: parameters[i]!,
				gradients: gradients[i]!,
			})),
		});
		const generator = new PhiloxGenerator(1, 'task');
		const out = populationOutput(population, 1);
		const statistics = new Float32Array(3 * 14);
		const gradient = new Float32Array(population.parameterCount);
		for (let step = 0; step < 6; step++) {
			repaint(dataset, generator);
			population.lossAndGradient(0, Uint32Array.of(0), gradient);
			for (const [i, arrays] of arraysOf(population, gradient).entries()) {
				for (const [j, array] of arrays.entries()) gradients[i]![j]!.set(array);
			}
			const learningRates = Float32Array.of(0.01, 0.003, 0.02 * (step + 1));
			population.train(1, learningRates, out);
			optimizer.step(learningRates, statistics);
			for (let layer = 0; layer < 3; layer++) {
				expect(out.statistics.slice(16 * layer, 16 * layer + 14)).toEqual(
					statistics.slice(14 * layer, 14 * layer + 14),
				);
				expect(out.statistics[16 * layer + 14]).toBe(0); // spread of one step
				expect(out.statistics[16 * layer + 15]).toBe(learningRates[layer]);
			}
			expect(arraysOf(population, population.parameters(0))).toEqual(parameters);
		}
		optimizer.dispose();
	});
});

describe('over an interval', () => {
	const steps = 5;

	function open() {
		return new NetworkPopulation({
			device: TEST_DEVICE,
			spec,
			networks: 2,
			batchSize: 8,
			optimizer: { algorithm: 'adam' },
			dataset: randomDataset(spec.input, 4),
			seeds: Uint32Array.of(3, 4),
		});
	}

	it('statistics are means, except the largest gradient and the count; spread and rate are added', () => {
		using whole = open();
		using single = open();
		const baseSchedule = Float32Array.of(1, 0.5, 0.25, 2, 0);
		const interval = populationOutput(whole, steps);
		whole.train(steps, 0.01, interval, { baseSchedule });
		const each = Array.from({ length: steps }, (_, k) => {
			const out = populationOutput(single, 1);
			single.train(1, 0.01, out, { baseSchedule: baseSchedule.slice(k, k + 1) });
			return out;
		});
		expect(whole.parameters(1)).toEqual(single.parameters(1));
		for (let row = 0; row < 2 * 3; row++) {
			const column = (index: number) => each.map(({ statistics }) => statistics[16 * row + index]!);
			const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
			for (let index = 0; index < 14; index++) {
				const found = interval.statistics[16 * row + index]!;
				if (index === STATISTIC_INDEX.gradientMaxAbs) expect(found).toBe(Math.max(...column(index)));
				else if (index === STATISTIC_INDEX.nonFiniteCount) expect(found).toBe(0);
				else expect(found).toBeCloseTo(mean(column(index)), 6);
			}
			const norms = column(STATISTIC_INDEX.gradientNorm);
			const deviation = Math.sqrt(mean(norms.map((norm) => (norm - mean(norms)) ** 2)));
			expect(interval.statistics[16 * row + 14]).toBeCloseTo(deviation / mean(norms), 5);
			expect(interval.statistics[16 * row + 15]).toBeCloseTo(0.01 * 0.75, 7);
		}
		for (let network = 0; network < 2; network++) {
			expect([...interval.trainingLoss.subarray(steps * network, steps * (network + 1))]).toEqual(
				each.map(({ trainingLoss }) => trainingLoss[network]),
			);
		}
	});

	it('weight decay and momentum can be controlled layer by layer', () => {
		using population = open();
		using plain = open();
		const fill = (value: number) => new Float32Array(6).fill(value);
		const weightDecays = fill(0);
		weightDecays[4] = 10; // network 1, layer 1
		population.train(
			1,
			{ learningRates: fill(0.01), weightDecays, momenta: fill(0.9) },
			populationOutput(population, 1),
		);
		plain.train(1, 0.01, populationOutput(plain, 1));
		expect(population.parameters(0)).toEqual(plain.parameters(0));
		const [first, second, third] = arraysOf(population, population.parameters(1));
		const expected = arraysOf(plain, plain.parameters(1));
		expect(first).toEqual(expected[0]);
		expect(second).not.toEqual(expected[1]);
		expect(third).toEqual(expected[2]);
	});

	it("the variance of the logits' change is that of the logits", () => {
		using population = open();
		const out = populationOutput(population, 1);
		population.train(1, 0.05, out);
		const before = population.parameters(0);
		expect(out.validation[2]).toBe(0);
		population.train(1, 0, out); // no step: no change
		expect(out.validation[2]).toBe(0);
		population.setParameters(
			0,
			before.map((value, i) => (i >= before.length - 4 ? value + (i % 2) : value)),
		);
		population.train(1, 0, out); // half of the output biases moved by 1: variance 1/4
		expect(out.validation[2]).toBeCloseTo(0.25, 5);
	});
});

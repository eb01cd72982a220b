import { describe, expect, it } from 'vitest';
import { mlp } from '../../../src/networks/builders.js';
import { NetworkPopulation } from '../../../src/networks/population.js';
import type { Initializer, NetworkSpec } from '../../../src/networks/spec.js';
import { philox4x32, STREAMS } from '../../../src/philox.js';
import { childNetworkReference } from '../../support/child-network-reference.js';
import { populationOutput } from '../../support/population.js';
import { normalizedImage, randomDataset } from '../../support/random-dataset.js';
import { TEST_DEVICE } from '../../support/test-device.js';

function open(spec: NetworkSpec, seeds: number[], options: Partial<{ batchSize: number; sliceSize: number }> = {}) {
	return new NetworkPopulation({
		device: TEST_DEVICE,
		spec,
		networks: seeds.length,
		batchSize: 1,
		optimizer: { algorithm: 'sgd' },
		dataset: randomDataset(spec.input, 4),
		seeds: Uint32Array.from(seeds),
		...options,
	});
}

const linear: NetworkSpec = { input: [4, 4, 1], layers: [{ type: 'dense', units: 4 }] };

/** With a learning rate of 0 and one image a batch, the training losses say which image was drawn. */
function drawnImages(population: NetworkPopulation, network: number, losses: Float32Array, steps: number): number[] {
	const gradient = new Float32Array(population.parameterCount);
	const byLoss = new Map<number, number>();
	for (let image = 0; image < 64; image++) {
		byLoss.set(Math.fround(population.lossAndGradient(network, Uint32Array.of(image), gradient)), image);
	}
	return [...losses.subarray(network * steps, (network + 1) * steps)].map((loss) => byLoss.get(loss) ?? -1);
}

function sorted(values: number[]): number[] {
	return [...values].sort((a, b) => a - b);
}

describe('batches', () => {
	it('take every training image once an epoch, in an order of each epoch and seed', () => {
		using population = open(linear, [1, 2]);
		const out = populationOutput(population, 96);
		population.train(96, 0, out);
		const all = Array.from({ length: 32 }, (_, i) => i);
		const first = drawnImages(population, 0, out.trainingLoss, 96);
		const other = drawnImages(population, 1, out.trainingLoss, 96);
		for (const drawn of [first, other]) {
			for (const epoch of [0, 1, 2]) expect(sorted(drawn.slice(32 * epoch, 32 * (epoch + 1)))).toEqual(all);
			expect(drawn.slice(0, 32)).not.toEqual(drawn.slice(32, 64));
		}
		expect(first).not.toEqual(other);
	});

	it('come from the slice that the seed picked, without replacement', () => {
		using population = open(linear, [1, 2, 3], { sliceSize: 9 });
		const out = populationOutput(population, 18);
		population.train(18, 0, out);
		const slices = [0, 1, 2].map((network) => {
			const drawn = drawnImages(population, network, out.trainingLoss, 18);
			expect(new Set(drawn).size).toBe(9);
			expect(sorted(drawn.slice(0, 9))).toEqual(sorted(drawn.slice(9)));
			expect(Math.max(...drawn)).toBeLessThan(32);
			return sorted(drawn.slice(0, 9)).join();
		});
		expect(new Set(slices).size).toBe(3);
	});

	it('drop the tail that fills no batch', () => {
		using one = open(linear, [5], { sliceSize: 7 });
		using three = open(linear, [5], { sliceSize: 7, batchSize: 3 });
		const single = populationOutput(one, 14);
		const triple = populationOutput(three, 4);
		one.train(14, 0, single);
		three.train(4, 0, triple);
		const mean = (from: number) => [0, 1, 2].reduce((sum, i) => sum + single.trainingLoss[from + i]! / 3, 0);
		for (const [batch, from] of [0, 3, 7, 10].entries()) expect(triple.trainingLoss[batch]).toBeCloseTo(mean(from), 5);
	});

	it('reach every position of a large split evenly', () => {
		// 400 seeds, first image of the first epoch: 32 cells of 12.5 expected.
		using population = open(
			linear,
			Array.from({ length: 400 }, (_, i) => i),
		);
		const shared = population.parameters(0);
		for (let i = 1; i < 400; i++) population.setParameters(i, shared);
		const out = populationOutput(population, 1);
		population.train(1, 0, out);
		const counts = new Map<number, number>();
		for (const loss of out.trainingLoss) counts.set(loss, (counts.get(loss) ?? 0) + 1);
		const chiSquared = [...counts.values()].reduce((sum, count) => sum + (count - 12.5) ** 2 / 12.5, 0);
		expect(counts.size).toBe(32);
		expect(chiSquared).toBeLessThan(62); // 31 degrees of freedom: one in a thousand
	});
});

describe('initial weights', () => {
	const fanIn = 20 * 20;
	const fanOut = 150;
	const cases: [Initializer, number, boolean][] = [
		['he-uniform', 2 / fanIn, true],
		['he-normal', 2 / fanIn, false],
		['xavier-uniform', 2 / (fanIn + fanOut), true],
		['xavier-normal', 2 / (fanIn + fanOut), false],
	];

	it.each(cases)('%s has its variance and shape', (initializer, variance, uniform) => {
		const spec: NetworkSpec = {
			input: [20, 20, 1],
			layers: [
				{ type: 'dense', units: fanOut, initializer },
				{ type: 'dense', units: 4 },
			],
		};
		using population = open(spec, [3]);
		const weights = population.parameters(0).subarray(0, fanIn * fanOut);
		const mean = weights.reduce((sum, w) => sum + w, 0) / weights.length;
		const second = weights.reduce((sum, w) => sum + w * w, 0) / weights.length;
		const fourth = weights.reduce((sum, w) => sum + w ** 4, 0) / weights.length;
		expect(Math.abs(mean)).toBeLessThan(4 * Math.sqrt(variance / weights.length));
		expect(second / variance).toBeCloseTo(1, 1);
		expect(fourth / second ** 2).toBeCloseTo(uniform ? 1.8 : 3, 1); // kurtosis
		if (uniform) expect(Math.max(...weights)).toBeLessThan(Math.sqrt(3 * variance));
	});

	it('differ by layer and seed, and biases start at 0', () => {
		const spec = mlp({ input: [4, 4, 1], hidden: [16, 16], classes: 4 });
		using population = open(spec, [1, 2]);
		const first = population.parameters(0);
		expect([...first.subarray(256, 272)]).toEqual(Array(16).fill(0));
		expect(first.slice(0, 16)).not.toEqual(population.parameters(1).slice(0, 16));
		expect(first.slice(0, 16)).not.toEqual(first.slice(272, 288));
	});
});

describe('dropout', () => {
	const rate = 0.3;
	const spec: NetworkSpec = {
		input: [4, 4, 1],
		layers: [
			{ type: 'conv', filters: 5, kernelSize: 3, activation: 'relu' },
			{ type: 'dropout', rate },
			{ type: 'dense', units: 21, activation: 'tanh' },
			{ type: 'dropout', rate },
			{ type: 'dense', units: 4 },
		],
	};

	/** Word e of the sequence (seed, dropout, step × 256 + layer), the image's elements starting at a whole block. */
	function factor(seed: number, step: number, image: number, layer: number, element: number, elements: number): number {
		const block = new Uint32Array(4);
		const index = image * Math.ceil(elements / 4) + Math.floor(element / 4);
		philox4x32([seed, STREAMS.dropout], [index, 0, step * 256 + layer, 0], block);
		return block[element % 4]! < Math.floor(rate * 2 ** 32) ? 0 : 1 / (1 - rate);
	}

	it('keeps the elements that Philox keeps, scaled, in both passes', () => {
		const dataset = randomDataset(spec.input, 4);
		const image = dataset.splits.train[6]!;
		const repeated = new Uint32Array(new SharedArrayBuffer(8)).fill(image);
		using population = new NetworkPopulation({
			device: TEST_DEVICE,
			spec,
			networks: 1,
			batchSize: 2,
			optimizer: { algorithm: 'sgd' },
			dataset: { ...dataset, splits: { ...dataset.splits, train: repeated } },
			seeds: Uint32Array.of(77),
		});
		const out = populationOutput(population, 1);
		const normalized = normalizedImage(dataset, image);
		const label = dataset.labels[image]!;
		for (let step = 0; step < 3; step++) {
			const before = Float64Array.from(population.parameters(0));
			population.train(1, 1, out);
			const after = population.parameters(0);
			const expected = childNetworkReference(spec, before, [normalized, normalized], [label, label], (n, layer, e) =>
				factor(77, step, n, layer, e, layer === 1 ? 80 : 21),
			);
			expect(out.trainingLoss[0]).toBeCloseTo(expected.loss, 5);
			for (let i = 0; i < after.length; i++) expect(before[i]! - after[i]!).toBeCloseTo(expected.gradient[i]!, 5);
		}
	});

	it('is off in evaluation and in lossAndGradient', () => {
		const without: NetworkSpec = { ...spec, layers: spec.layers.filter(({ type }) => type !== 'dropout') };
		using dropped = open(spec, [4]);
		using plain = open(without, [4]);
		const results = [dropped, plain].map((population) => {
			const split = new Float32Array(2);
			population.evaluate('test', split);
			const gradient = new Float32Array(population.parameterCount);
			return [...split, population.lossAndGradient(0, Uint32Array.of(1, 2), gradient), ...gradient];
		});
		expect(results[0]).toEqual(results[1]);
	});
});

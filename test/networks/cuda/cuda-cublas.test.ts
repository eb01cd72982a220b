import { afterEach, describe, expect, it } from 'vitest';
import { NetworkPopulation } from '../../../src/networks/population.js';
import type { NetworkPopulationOptions } from '../../../src/networks/population-options.js';
import type { NetworkSpec } from '../../../src/networks/spec.js';
import { CUBLAS_STUB, EMULATED_ADDON, emulated } from '../../support/emulation.js';
import { populationOutput } from '../../support/population.js';
import { randomDataset } from '../../support/random-dataset.js';

/**
 * Large dense layers of precision 'tf32' are multiplied by cuBLAS where it is found: here by one that stands in for it on the emulated
 * device, and refuses what cuBLAS would refuse (native/cuda/emulation/cublas_stub).
 */

process.env.GANNO_BINDING = EMULATED_ADDON;
process.env.GANNO_CUBLAS = CUBLAS_STUB;
const { emulation } = emulated();

const spec: NetworkSpec = {
	input: [16, 16, 1],
	layers: [
		{ type: 'dense', units: 256, activation: 'relu' },
		{ type: 'dense', units: 128, activation: 'tanh' },
		{ type: 'dense', units: 4 },
	],
};
const dataset = randomDataset(spec.input, 4);

function open(options: Partial<NetworkPopulationOptions> = {}): NetworkPopulation {
	return new NetworkPopulation({
		spec,
		networks: 2,
		batchSize: 32,
		optimizer: { algorithm: 'adam' },
		dataset,
		seeds: Uint32Array.of(3, 4),
		device: 'cuda:0',
		precision: 'tf32',
		...options,
	});
}

/** Products that went to the library. */
function products(): number {
	return emulation.calls().filter((name) => name === 'library').length;
}

function train(population: NetworkPopulation, steps = 2) {
	const { statistics, trainingLoss } = populationOutput(population, steps);
	population.train(steps, 0.003, { statistics, trainingLoss });
	return { statistics, trainingLoss, parameters: [population.parameters(0), population.parameters(1)] };
}

afterEach(() => {
	delete process.env.GANNO_STUB_STATUS;
	emulation.configure({});
});

describe('cuBLAS', () => {
	it('multiplies the large layers, forward and backward, of all networks at once', () => {
		using population = open();
		emulation.configure({});
		train(population, 1);
		expect(products()).toBe(5); // both forward, both weight gradients, one input gradient; the third layer is small
	});

	it('is left alone by float32, by small batches and by small layers', () => {
		using exact = open({ precision: 'float32' });
		using fewImages = open({ batchSize: 31 });
		using narrow = open({ spec: { ...spec, layers: [{ type: 'dense', units: 64 }, spec.layers[2]!] } });
		emulation.configure({});
		for (const population of [exact, fewImages, narrow]) train(population, 1);
		expect(products()).toBe(0);
	});

	it("gives what ganno's own kernels give, but for the order of sums", () => {
		using population = open();
		const gradientOf = (first: number, count: number) => {
			const out = new Float32Array(population.parameterCount);
			const loss = population.lossAndGradient(
				1,
				Uint32Array.from({ length: count }, (_, i) => first + i),
				out,
			);
			return { loss, out };
		};
		// 32 images go to the library and 16 do not. Their losses are divided by a power of two, so rounding is alike.
		const whole = gradientOf(0, 32);
		const [one, other] = [gradientOf(0, 16), gradientOf(16, 16)];
		expect(whole.loss).toBeCloseTo((one.loss + other.loss) / 2, 5);
		const norm = Math.hypot(...whole.out);
		const difference = whole.out.map((value, i) => value - (one.out[i]! + other.out[i]!) / 2);
		expect(Math.hypot(...difference)).toBeLessThan(1e-4 * norm);
	});

	it('is part of the graph: the same bits in one interval as step by step, and again', () => {
		using once = open();
		using again = open();
		using stepwise = open();
		const expected = train(once, 3);
		expect(train(again, 3)).toEqual(expected);
		for (let step = 0; step < 3; step++) train(stepwise, 1);
		expect([stepwise.parameters(0), stepwise.parameters(1)]).toEqual(expected.parameters);
	});

	it('has its workspace counted, and gives it back', () => {
		const before = emulation.allocatedBytes();
		const population = open();
		using exact = open({ precision: 'float32' });
		expect(population.bytes - exact.bytes).toBe(2 ** 25);
		population.dispose();
		exact.dispose();
		expect(emulation.allocatedBytes()).toBe(before);
	});

	it('that fails ends the population, and says what to do', () => {
		using population = open();
		process.env.GANNO_STUB_STATUS = '13';
		expect(() => train(population)).toThrow(
			expect.objectContaining({
				code: 'INTERNAL',
				message: expect.stringMatching(/cuBLAS status 13 .*GANNO_CUBLAS=off does without it/),
			}),
		);
		delete process.env.GANNO_STUB_STATUS;
		expect(() => train(population)).toThrow(expect.objectContaining({ code: 'CUDA_UNAVAILABLE' }));
		using other = open();
		train(other);
	});
});

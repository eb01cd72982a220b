import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NetworkPopulation } from '../../../src/networks/population.js';
import type { NetworkPopulationOptions } from '../../../src/networks/population-options.js';
import type { PopulationDevice, Precision } from '../../../src/networks/population-resources.js';
import type { LayerSpec, NetworkSpec } from '../../../src/networks/spec.js';
import { anyChain } from '../../support/any-network.js';
import { EMULATED_ADDON } from '../../support/emulation.js';
import { NETWORK_CASES } from '../../support/network-cases.js';
import { populationOutput } from '../../support/population.js';
import { randomDataset } from '../../support/random-dataset.js';

/** `precision: 'tf32'`: products of operands rounded to 10 bits of mantissa, on the tensor cores (emulated, or `GANNO_TEST_DEVICE`). */

if (process.env.GANNO_TEST_DEVICE === undefined) process.env.GANNO_BINDING = EMULATED_ADDON;
const CUDA = (process.env.GANNO_TEST_DEVICE ?? 'cuda:0') as PopulationDevice;
const fullTest = process.env.GANNO_TEST_FULL !== undefined;

type Options = Partial<NetworkPopulationOptions> & { readonly spec: NetworkSpec };

function open(precision: Precision, options: Options): NetworkPopulation {
	return new NetworkPopulation({
		networks: options.seeds?.length ?? 2,
		batchSize: 4,
		optimizer: { algorithm: 'adam' },
		dataset: randomDataset(options.spec.input, 4),
		seeds: Uint32Array.of(11, 12),
		device: CUDA,
		precision,
		...options,
	});
}

/** To the nearest of TF32, ties away from zero. */
function rounded(x: number): number {
	const bits = new Uint32Array(Float32Array.of(x).buffer);
	bits[0] = (bits[0]! + 0x1000) & ~0x1fff;
	return new Float32Array(bits.buffer)[0]!;
}

function gradientOf(population: NetworkPopulation, network: number, indices: Uint32Array) {
	const gradient = new Float32Array(population.parameterCount);
	return { loss: population.lossAndGradient(network, indices, gradient), gradient };
}

function distance(a: Float32Array, b: Float32Array): number {
	return Math.hypot(...a.map((value, i) => value - b[i]!)) / Math.max(Math.hypot(...b), 1e-6);
}

function hasKink(layer: LayerSpec): boolean {
	return layer.type === 'max-pool' || ('activation' in layer && layer.activation === 'relu');
}

function trained(population: NetworkPopulation) {
	const out = populationOutput(population, 3);
	population.train(3, 0.003, out);
	return { out, parameters: Array.from({ length: population.networks }, (_, i) => population.parameters(i)) };
}

describe("precision 'tf32'", () => {
	it('rounds the operands of a product, and nothing else', () => {
		const spec = NETWORK_CASES['dense only']!;
		const dataset = randomDataset(spec.input, 4);
		using population = open('tf32', { spec, dataset });
		const [values, classes] = [18, 4];
		const indices = Uint32Array.from({ length: 50 }, (_, i) => i);
		const parameters = population.parameters(0).map((value, i) => (value === 0 ? 0.3 * Math.sin(i) : value));
		population.setParameters(0, parameters);
		const pixel = (image: number, i: number) => {
			const channel = i % 2;
			const [mean, deviation] = [dataset.mean[channel]!, dataset.standardDeviation[channel]!];
			return rounded(Math.fround((dataset.images[image * values + i]! / 255 - mean) / deviation));
		};
		const expected = new Float64Array(population.parameterCount);
		for (const image of indices) {
			const logits = Array.from({ length: classes }, (_, c) => {
				let sum = parameters[values * classes + c]!;
				for (let i = 0; i < values; i++) sum += pixel(image, i) * rounded(parameters[i * classes + c]!);
				return Math.exp(sum);
			});
			const total = logits.reduce((sum, value) => sum + value, 0);
			for (let c = 0; c < classes; c++) {
				const gradient = (logits[c]! / total - (dataset.labels[image] === c ? 1 : 0)) / indices.length;
				for (let i = 0; i < values; i++) expected[i * classes + c]! += pixel(image, i) * rounded(gradient);
				expected[values * classes + c]! += gradient;
			}
		}
		const { gradient } = gradientOf(population, 0, indices);
		// Here and there a value lies so near to the middle of two of TF32 that the last bit of its float32 decides: 2^-11 of it.
		for (const [i, value] of gradient.entries()) expect(Math.abs(value - expected[i]!)).toBeLessThan(2e-5);
		using plain = open('float32', { spec, dataset });
		plain.setParameters(0, parameters);
		expect(distance(gradient, gradientOf(plain, 0, indices).gradient)).toBeGreaterThan(1e-5);
	});

	// Every operand has a relative error of 2^-11 at most, and a layer passes the errors of those before it on. Where a unit is as good as
	// 0 before ReLU, or two values of a pooling window are as good as the same, the gradient may take another way.
	it.each(Object.entries(NETWORK_CASES))('is as near to float32 as 10 bits are: %s', (_, spec) => {
		using rough = open('tf32', { spec });
		using fine = open('float32', { spec });
		const indices = Uint32Array.of(3, 40, 0, 17, 63, 8, 3);
		for (const network of [0, 1]) {
			const expected = gradientOf(fine, network, indices);
			const found = gradientOf(rough, network, indices);
			expect(Math.abs(found.loss - expected.loss)).toBeLessThan(2 ** -9 * Math.max(1, expected.loss));
			const difference = distance(found.gradient, expected.gradient);
			expect(difference).toBeGreaterThan(0);
			expect(difference).toBeLessThan(spec.layers.some(hasKink) ? 0.1 : 2 ** -7);
		}
	});

	it('any chain of layers that fits', () => {
		fc.assert(
			fc.property(anyChain, fc.integer({ min: 1, max: 5 }), (spec, count) => {
				const options = { spec, dataset: randomDataset(spec.input, 3, 32), seeds: Uint32Array.of(count) };
				using rough = open('tf32', options);
				using fine = open('float32', options);
				const indices = Uint32Array.from({ length: count }, (_, i) => (7 * i) % 32);
				const expected = gradientOf(fine, 0, indices);
				const found = gradientOf(rough, 0, indices);
				expect(Math.abs(found.loss - expected.loss)).toBeLessThan(2 ** -7 * Math.max(1, expected.loss));
				// The maximum of a pooling window may be another one, hence so much.
				expect(distance(found.gradient, expected.gradient)).toBeLessThan(0.2);
			}),
			{ numRuns: fullTest ? 300 : 12 },
		);
	});

	it('gives the same bits again, whoever trains beside a network', () => {
		const spec = NETWORK_CASES['fused pooling of odd edges, odd channels']!;
		using together = open('tf32', { spec, seeds: Uint32Array.of(1, 2, 3) });
		using again = open('tf32', { spec, seeds: Uint32Array.of(1, 2, 3) });
		using alone = open('tf32', { spec, seeds: Uint32Array.of(3) });
		const outputs = trained(together);
		expect(trained(again)).toEqual(outputs);
		expect(trained(alone).parameters[0]).toEqual(outputs.parameters[2]);
	});

	it.each(['cpu', 'auto'] as const)("is refused by device '%s'", (device) => {
		const options: Options = { spec: NETWORK_CASES['dense only']!, device };
		expect(() => open('tf32', options)).toThrow(
			expect.objectContaining({
				code: 'INVALID_ARGUMENT',
				message: expect.stringMatching(/'tf32' needs tensor cores/),
			}),
		);
		open('float32', options).dispose();
	});

	it('is one of two', () => {
		expect(() => open('bfloat16' as Precision, { spec: NETWORK_CASES['dense only']! })).toThrow(
			/Expected one of 'float32', 'tf32' for precision but received "bfloat16"/,
		);
	});
});

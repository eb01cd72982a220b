import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { native } from '../../../src/native.js';
import { NetworkPopulation } from '../../../src/networks/population.js';
import type { NetworkPopulationOptions } from '../../../src/networks/population-options.js';
import type { PopulationDevice } from '../../../src/networks/population-resources.js';
import type { NetworkSpec } from '../../../src/networks/spec.js';
import { ALGORITHMS } from '../../../src/optimizer/algorithms.js';
import { anyNetwork } from '../../support/any-network.js';
import { EMULATED_ADDON } from '../../support/emulation.js';
import { NETWORK_CASES, NORMALIZED_CASES } from '../../support/network-cases.js';
import { populationOutput } from '../../support/population.js';
import { randomDataset } from '../../support/random-dataset.js';

/** A population of the CPU and one of a CUDA device (emulated, or `GANNO_TEST_DEVICE`) do the same, bit for bit. */

if (process.env.GANNO_TEST_DEVICE === undefined) process.env.GANNO_BINDING = EMULATED_ADDON;
const CUDA = (process.env.GANNO_TEST_DEVICE ?? 'cuda:0') as PopulationDevice;
// The baseline tier has no fused multiply-add.
const sameBits = native().cpuTiers().length > 1;
const fullTest = process.env.GANNO_TEST_FULL !== undefined;

type Options = Partial<NetworkPopulationOptions> & { readonly spec: NetworkSpec };

function pair(options: Options): [NetworkPopulation, NetworkPopulation] {
	const open = (device: PopulationDevice) =>
		new NetworkPopulation({
			networks: options.seeds?.length ?? 2,
			batchSize: 4,
			optimizer: { algorithm: 'adam' },
			dataset: randomDataset(options.spec.input, 4),
			seeds: Uint32Array.of(11, 12),
			device,
			...options,
		});
	return [open('cpu'), open(CUDA)];
}

/** Initial weights with biases that are not zero. */
function withBiases(parameters: Float32Array): Float32Array {
	return parameters.map((value, i) => (value === 0 ? 0.3 * Math.sin(i) : value));
}

function gradientOf(population: NetworkPopulation, network: number, indices: Uint32Array) {
	const gradient = new Float32Array(population.parameterCount);
	return { loss: population.lossAndGradient(network, indices, gradient), gradient };
}

function trained(population: NetworkPopulation, steps: number) {
	const probed = populationOutput(population, 2);
	population.probe(2, 0.003, probed);
	const out = populationOutput(population, steps);
	population.train(steps, 0.003, out);
	const evaluations = (['train', 'validation', 'test'] as const).map((split) => {
		const evaluation = new Float32Array(2 * population.networks);
		population.evaluate(split, evaluation);
		return evaluation;
	});
	const parameters = Array.from({ length: population.networks }, (_, i) => population.parameters(i));
	const logits = parameters.map((_, i) => population.validationLogits(i));
	const running = parameters.map((_, i) => population.runningStatistics(i));
	return { probed, out, evaluations, parameters, logits, running };
}

const cases = Object.entries({ ...NETWORK_CASES, ...NORMALIZED_CASES });

describe.runIf(sameBits)('the same bits as on the CPU', () => {
	it.each(cases)('initial weights, loss and gradient: %s', (_, spec) => {
		const [cpu, cuda] = pair({ spec });
		using _cpu = cpu;
		using _cuda = cuda;
		for (const population of [cpu, cuda]) population.setParameters(1, withBiases(population.parameters(1)));
		const indices = Uint32Array.of(3, 40, 0, 17, 63, 8, 3);
		for (const network of [0, 1]) {
			expect(cuda.parameters(network)).toEqual(cpu.parameters(network));
			expect(gradientOf(cuda, network, indices)).toEqual(gradientOf(cpu, network, indices));
		}
	});

	it.each(cases)('a probe, an interval, evaluations: %s', (_, spec) => {
		const [cpu, cuda] = pair({ spec, sliceSize: 18 });
		using _cpu = cpu;
		using _cuda = cuda;
		expect(trained(cuda, 3)).toEqual(trained(cpu, 3));
	});

	it.each(ALGORITHMS)('controls layer by layer and a schedule: %s', (algorithm) => {
		const spec = NETWORK_CASES['dense, odd sizes']!;
		const [cpu, cuda] = pair({ spec, optimizer: { algorithm, hyperparameters: { weightDecay: 0.03 } } });
		using _cpu = cpu;
		using _cuda = cuda;
		const cells = (scale: number) => Float32Array.from({ length: 6 }, (_, i) => scale * (i + 1));
		const learningRates = cells(0.002);
		const baseSchedule = Float32Array.of(1, 0.5, 0.25, 2);
		const outputs = [cpu, cuda].map((population) => {
			const out = populationOutput(population, 4);
			population.train(4, learningRates, out, { baseSchedule });
			population.train(4, { learningRates, weightDecays: cells(0.01), momenta: cells(0.1) }, out);
			return { out, parameters: [population.parameters(0), population.parameters(1)] };
		});
		expect(outputs[1]).toEqual(outputs[0]);
	});

	it('an interval longer than a graph', () => {
		const [cpu, cuda] = pair({ spec: NETWORK_CASES['dense only']!, validationSize: 7 });
		using _cpu = cpu;
		using _cuda = cuda;
		const outputs = [cpu, cuda].map((population) => {
			const out = populationOutput(population, 131);
			population.train(131, 0.01, out, { baseSchedule: Float32Array.from({ length: 131 }, (_, k) => 1 - k / 131) });
			population.probe(70, 0.01, populationOutput(population, 70));
			return { out, parameters: population.parameters(1) };
		});
		expect(outputs[1]).toEqual(outputs[0]);
	});

	it('any network that fits', () => {
		fc.assert(
			fc.property(anyNetwork, fc.integer({ min: 1, max: 5 }), (spec, count) => {
				const [cpu, cuda] = pair({ spec, dataset: randomDataset(spec.input, 3, 32), seeds: Uint32Array.of(count) });
				using _cpu = cpu;
				using _cuda = cuda;
				const indices = Uint32Array.from({ length: count }, (_, i) => (7 * i) % 32);
				expect(gradientOf(cuda, 0, indices)).toEqual(gradientOf(cpu, 0, indices));
			}),
			{ numRuns: fullTest ? 300 : 12 },
		);
	});
});

describe('the weight gradient of a large convolution', () => {
	// 64 images of 12×12 pixels are 9,216 steps of a chain: more than 8,192 are summed in parts.
	const spec: NetworkSpec = {
		input: [12, 12, 1],
		layers: [
			{ type: 'conv', filters: 4, kernelSize: 3, activation: 'relu' },
			{ type: 'max-pool', size: 4 },
			{ type: 'dense', units: 4 },
		],
	};

	it("is the CPU's to 1e-6, everything else to the bit", () => {
		const [cpu, cuda] = pair({ spec });
		using _cpu = cpu;
		using _cuda = cuda;
		const indices = Uint32Array.from({ length: 64 }, (_, i) => i);
		const expected = gradientOf(cpu, 0, indices);
		const found = gradientOf(cuda, 0, indices);
		expect(found.loss).toBeCloseTo(expected.loss, 6);
		if (sameBits) expect(found.gradient.slice(36)).toEqual(expected.gradient.slice(36));
		const norm = Math.hypot(...expected.gradient.slice(0, 36));
		for (let i = 0; i < 36; i++) {
			expect(Math.abs(found.gradient[i]! - expected.gradient[i]!)).toBeLessThan(1e-6 * norm);
		}
		expect(found.gradient.slice(0, 36)).not.toEqual(expected.gradient.slice(0, 36));
	});
});

describe('a network', () => {
	it('does the same whoever trains beside it', () => {
		const spec = NETWORK_CASES['fused pooling of odd edges, odd channels']!;
		const [, together] = pair({ spec, seeds: Uint32Array.of(1, 2, 3) });
		const [, alone] = pair({ spec, seeds: Uint32Array.of(3) });
		using _together = together;
		using _alone = alone;
		const outputs = [together, alone].map((population) => trained(population, 3));
		expect(outputs[1]!.parameters[0]).toEqual(outputs[0]!.parameters[2]);
		expect(outputs[1]!.out.trainingLoss).toEqual(outputs[0]!.out.trainingLoss.slice(6));
		expect(outputs[1]!.out.validation).toEqual(outputs[0]!.out.validation.slice(6));
	});
});

import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { openTfjsPopulation } from '../../bench/tfjs-population/open-tfjs-population.js';
import { NetworkPopulation } from '../../src/networks/population.js';
import type { NetworkPopulationOptions } from '../../src/networks/population-options.js';
import type { NetworkSpec } from '../../src/networks/spec.js';
import { ALGORITHMS } from '../../src/optimizer/algorithms.js';
import { POPULATION_STATISTICS } from '../../src/optimizer/statistics.js';
import { registerWasmTrainingKernels } from '../../src/tfjs/wasm-kernels/register-wasm-kernels.js';
import { NETWORK_CASES, NORMALIZED_CASES } from '../support/network-cases.js';
import { populationOutput } from '../support/population.js';
import { randomDataset } from '../support/random-dataset.js';
import { useBackend } from '../support/tfjs-models.js';

/** Two implementations that share nothing but Philox: ours in C++, and tfjs operations. */
function both(spec: NetworkSpec, changes: Partial<NetworkPopulationOptions> = {}) {
	const options: NetworkPopulationOptions = {
		spec,
		networks: 2,
		batchSize: 5,
		optimizer: { algorithm: 'adam' },
		dataset: randomDataset(spec.input, 4),
		seeds: Uint32Array.of(3, 99),
		sliceSize: 17,
		...changes,
	};
	return [new NetworkPopulation(options), openTfjsPopulation(options)] as const;
}

function expectClose(actual: Float32Array, expected: Float32Array, tolerance: number, what: string): void {
	expect(actual).toHaveLength(expected.length);
	const scale = Math.max(...expected.map(Math.abs), 1e-3);
	for (const [i, value] of actual.entries()) {
		expect(Math.abs(value - expected[i]!), `${what} ${i}: ${value} for ${expected[i]}`).toBeLessThan(tolerance * scale);
	}
}

const small: NetworkSpec = {
	input: [6, 6, 2],
	layers: [
		{ type: 'conv', filters: 5, kernelSize: 3, activation: 'relu', initializer: 'he-normal' },
		{ type: 'max-pool', size: 2 },
		{ type: 'dropout', rate: 0.3 },
		{ type: 'dense', units: 12, activation: 'tanh', initializer: 'xavier-normal' },
		{ type: 'dropout', rate: 0.2 },
		{ type: 'dense', units: 4 },
	],
};

beforeAll(async () => {
	await useBackend('wasm');
	registerWasmTrainingKernels();
});

describe('openTfjsPopulation', () => {
	it.each(['batch norm of dense layers', 'residual blocks without batch norm'])('refuses %s', (name) => {
		const [, spec] = Object.entries(NORMALIZED_CASES).find(([key]) => key === name)!;
		expect(() => both(spec)).toThrow(/no batch norm and no residual blocks/);
	});
});

describe('the native engine agrees with a population of tfjs operations', () => {
	it.each(Object.entries(NETWORK_CASES))('in initial weights, gradients, and losses of three steps: %s', (_, spec) => {
		const [native, oracle] = both(spec, { optimizer: { algorithm: 'momentum' } });
		using _native = native;
		using _oracle = oracle;
		const gradients = [native, oracle].map((population) => {
			const out = new Float32Array(population.parameterCount);
			return { loss: population.lossAndGradient(1, Uint32Array.of(1, 8, 40), out), out };
		});
		expectClose(oracle.parameters(1), native.parameters(1), 1e-6, 'initial weight');
		expect(gradients[1]!.loss).toBeCloseTo(gradients[0]!.loss, 5);
		expectClose(gradients[1]!.out, gradients[0]!.out, 1e-5, 'gradient');
		const [a, b] = [native, oracle].map((population) => {
			const out = populationOutput(population, 3);
			population.train(3, 0.01, out);
			return out;
		});
		expectClose(b!.trainingLoss, a!.trainingLoss, 1e-4, 'training loss');
		expectClose(b!.validation, a!.validation, 1e-3, 'validation');
		// Each has its own order of the validation images.
		expectClose(oracle.validationLogits(1).sort(), native.validationLogits(1).sort(), 1e-3, 'logit');
	});

	it.each(ALGORITHMS)('in parameters and statistics after twelve steps: %s', (algorithm) => {
		const hyperparameters = { weightDecay: 0.01 };
		const [native, oracle] = both(small, { optimizer: { algorithm, hyperparameters } });
		using _native = native;
		using _oracle = oracle;
		const rates = Float32Array.of(1e-3, 2e-3, 5e-4, 3e-3, 1e-3, 2e-3);
		const outs = [native, oracle].map((population) => {
			const probe = populationOutput(population, 4);
			population.probe(4, rates, probe);
			const train = populationOutput(population, 12);
			population.train(12, rates, train, { baseSchedule: Float32Array.from({ length: 12 }, (_, k) => 1 - k / 20) });
			const test = new Float32Array(4);
			population.evaluate('test', test);
			const slice = new Float32Array(4);
			population.evaluate('train', slice);
			return { probe, train, test, slice };
		});
		const [a, b] = outs as [(typeof outs)[0], (typeof outs)[0]];
		for (const network of [0, 1]) {
			expectClose(oracle.parameters(network), native.parameters(network), 2e-4, 'parameter');
		}
		for (const what of ['probe', 'train'] as const) {
			expectClose(b[what].trainingLoss, a[what].trainingLoss, 1e-4, `${what} loss`);
			for (const [i, name] of POPULATION_STATISTICS.entries()) {
				const column = (all: Float32Array) => all.filter((_, j) => j % POPULATION_STATISTICS.length === i);
				// Means are sums that nearly cancel.
				const tolerance = name.endsWith('Mean') ? 5e-3 : 5e-4;
				expectClose(column(b[what].statistics), column(a[what].statistics), tolerance, `${what} ${name}`);
			}
		}
		expectClose(b.test, a.test, 1e-3, 'test');
		expectClose(b.slice, a.slice, 1e-3, 'slice');
	});

	it('in saving, restoring and forking, and leaves no tensor behind', () => {
		const before = tf.memory().numTensors;
		const [native, oracle] = both(small);
		const [a, b] = [native, oracle].map((population) => {
			const out = populationOutput(population, 2);
			population.train(2, 1e-3, out);
			population.save(0);
			population.train(2, 1e-2, out);
			population.fork(0, 1);
			population.restore(0);
			population.train(2, 1e-3, out);
			const parameters = [population.parameters(0), population.parameters(1)];
			const flags = population.divergedFlags();
			population.setParameters(0, parameters[1]!);
			population.reset(Uint32Array.of(7, 8));
			const fresh = population.parameters(1);
			expect(() => population.restore(0)).toThrow(/Nothing was saved/);
			population.dispose();
			population.dispose();
			expect(() => population.parameters(0)).toThrow(/disposed/);
			return { parameters, flags, fresh };
		});
		for (const i of [0, 1]) expectClose(b!.parameters[i]!, a!.parameters[i]!, 2e-4, 'parameter');
		expect(b!.flags).toEqual(a!.flags);
		expectClose(b!.fresh, a!.fresh, 1e-6, 'fresh weight');
		expect(tf.memory().numTensors).toBe(before);
	});

	it('in what a network does that diverges', () => {
		const [native, oracle] = both(NETWORK_CASES['dense, whole vectors']!, { optimizer: { algorithm: 'sgd' } });
		const [a, b] = [native, oracle].map((population) => {
			using open = population;
			const out = populationOutput(open, 6);
			open.train(6, 1e25, out);
			return { out, flags: open.divergedFlags() };
		});
		expect([...b!.flags]).toEqual([1, 1]);
		expect(b!.flags).toEqual(a!.flags);
		expect(b!.out.trainingLoss.at(-1)).toBe(a!.out.trainingLoss.at(-1));
		expect(b!.out.validation).toEqual(a!.out.validation);
	});

	it('checks its arguments as the native one does', () => {
		expect(() => both(small, { batchSize: 18 })).toThrow(/batch of 18/);
		const [native, oracle] = both(small);
		const cancelled = new Int32Array(new SharedArrayBuffer(4)).fill(1);
		expect(() => oracle.train(0, 1, populationOutput(oracle, 1))).toThrow(/steps/);
		native.dispose();
		oracle.dispose();
		using stopped = openTfjsPopulation({
			spec: small,
			networks: 1,
			batchSize: 1,
			optimizer: { algorithm: 'sgd' },
			dataset: randomDataset(small.input, 4),
			seeds: Uint32Array.of(1),
			cancellation: cancelled,
		});
		expect(() => stopped.train(1, 1, populationOutput(stopped, 1))).toThrow(/Cancelled/);
	});
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { native } from '../../../src/native.js';
import { NetworkPopulation } from '../../../src/networks/population.js';
import type { NetworkPopulationOptions } from '../../../src/networks/population-options.js';
import type { NetworkSpec } from '../../../src/networks/spec.js';
import { anyNetwork } from '../../support/any-network.js';
import { childNetworkReference } from '../../support/child-network-reference.js';
import { NETWORK_CASES, NORMALIZED_CASES } from '../../support/network-cases.js';
import { populationOutput } from '../../support/population.js';
import { normalizedImage, randomDataset } from '../../support/random-dataset.js';
import { ON_CUDA, ON_EMULATION, POPULATION_BACKENDS, TEST_DEVICE } from '../../support/test-device.js';

type Tier = 'baseline' | 'avx2' | 'avx512';
const TIERS = (ON_CUDA ? [] : native().cpuTiers()) as Tier[];
const cases = Object.entries({ ...NETWORK_CASES, ...NORMALIZED_CASES }).filter((_, i) => !ON_EMULATION || i % 3 === 1);
/** What an emulation has time for. */
const few: Partial<NetworkPopulationOptions> = ON_EMULATION ? { seeds: Uint32Array.of(1, 2), batchSize: 3 } : {};
const fullTest = process.env.GANNO_TEST_FULL !== undefined;

/** Everything a short training leaves behind, in float32 bits. */
function train(spec: NetworkSpec, options: Partial<NetworkPopulationOptions> = {}, steps = 5) {
	const seeds = options.seeds ?? Uint32Array.of(1, 2, 3, 4, 5);
	using population = new NetworkPopulation({
		device: TEST_DEVICE,
		spec,
		networks: seeds.length,
		batchSize: 6,
		optimizer: { algorithm: 'adam' },
		dataset: randomDataset(spec.input, 4),
		seeds,
		threads: 1,
		...options,
	});
	const out = populationOutput(population, steps);
	population.probe(2, 0.003, { ...populationOutput(population, 2) });
	population.train(steps, 0.003, out);
	const evaluation = new Float32Array(seeds.length * 2);
	population.evaluate('test', evaluation);
	return {
		parameters: [...seeds].map((_, network) => population.parameters(network)),
		running: [...seeds].map((_, network) => population.runningStatistics(network)),
		statistics: out.statistics,
		trainingLoss: out.trainingLoss,
		validation: out.validation,
		evaluation,
	};
}

describe('the same bits', () => {
	it.runIf(ON_CUDA).each(cases)('again, in whatever order the threads of the device come: %s', (_, spec) => {
		expect(train(spec, few)).toEqual(train(spec, few));
	});

	it.skipIf(ON_CUDA).each(cases)('for 1, 2 and 3 threads: %s', (_, spec) => {
		const one = train(spec);
		expect(train(spec, { threads: 2 })).toEqual(one);
		expect(train(spec, { threads: 3 })).toEqual(one);
	});

	it.skipIf(!TIERS.includes('avx512')).each(cases)('with AVX2 and AVX-512: %s', (_, spec) => {
		expect(train(spec, { tier: 'avx2' })).toEqual(train(spec, { tier: 'avx512' }));
	});

	it.each(cases)('whoever trains beside a network: %s', (_, spec) => {
		const together = train(spec, few);
		const last = together.parameters.length - 1;
		const alone = train(spec, { ...few, seeds: Uint32Array.of(last + 1) });
		expect(alone.parameters[0]).toEqual(together.parameters[last]);
		expect(alone.trainingLoss).toEqual(together.trainingLoss.slice(5 * last));
		expect(alone.validation).toEqual(together.validation.slice(3 * last));
	});

	it('whether an interval is trained in one call or in several', () => {
		const spec = NETWORK_CASES['pooling first, no gradient above it']!;
		const open = () =>
			new NetworkPopulation({
				device: TEST_DEVICE,
				spec,
				networks: 2,
				batchSize: 5,
				optimizer: { algorithm: 'adam' },
				dataset: randomDataset(spec.input, 4),
				seeds: Uint32Array.of(8, 9),
			});
		using whole = open();
		using parts = open();
		whole.train(12, 0.01, populationOutput(whole, 12));
		for (const steps of [1, 4, 7]) parts.train(steps, 0.01, populationOutput(parts, steps));
		expect(parts.parameters(1)).toEqual(whole.parameters(1));
	});
});

describe('the baseline tier', () => {
	it.skipIf(TIERS.length < 2).each(cases)('agrees to 1e-5: %s', (_, spec) => {
		// Not Adam: where a batch norm makes a gradient zero but for rounding, its first step has that rounding's sign.
		const optimizer = { algorithm: 'momentum' } as const;
		const best = train(spec, { optimizer, tier: TIERS.at(-1)! }, 2);
		const baseline = train(spec, { optimizer, tier: 'baseline' }, 2);
		for (const [i, loss] of baseline.trainingLoss.entries()) expect(loss).toBeCloseTo(best.trainingLoss[i]!, 4);
		for (const [i, value] of baseline.evaluation.entries()) expect(value).toBeCloseTo(best.evaluation[i]!, 3);
	});
});

describe('any network that fits', () => {
	it('has the reference gradient, and the same bits in both FMA tiers', () => {
		fc.assert(
			fc.property(anyNetwork, fc.integer({ min: 1, max: 9 }), (spec, count) => {
				const dataset = randomDataset(spec.input, 3, 32);
				const indices = Uint32Array.from({ length: count }, (_, i) => (7 * i) % 32);
				const gradients = POPULATION_BACKENDS.map(([, options]) => {
					using population = new NetworkPopulation({
						spec,
						networks: 1,
						batchSize: 2,
						optimizer: { algorithm: 'sgd' },
						dataset,
						seeds: Uint32Array.of(count),
						...options,
					});
					const parameters = population.parameters(0);
					const gradient = new Float32Array(population.parameterCount);
					population.lossAndGradient(0, indices, gradient);
					return { parameters, gradient };
				});
				if (TIERS.includes('avx512')) expect(gradients[1]).toEqual(gradients[2]);
				const expected = childNetworkReference(
					spec,
					Float64Array.from(gradients[0]!.parameters),
					[...indices].map((index) => normalizedImage(dataset, index)),
					[...indices].map((index) => dataset.labels[index]!),
				).gradient;
				const scale = Math.hypot(...expected);
				for (const { gradient } of gradients) {
					const error = Math.hypot(...gradient.map((value, i) => value - expected[i]!));
					expect(error).toBeLessThan(1e-7 + 2e-5 * scale);
				}
			}),
			{ numRuns: fullTest ? 1000 : ON_EMULATION ? 10 : 60 },
		);
	});
});

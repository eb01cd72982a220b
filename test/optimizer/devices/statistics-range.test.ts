import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALGORITHMS, LAYERWISE_ALGORITHMS, type LayerwiseAlgorithm } from '../../../src/optimizer/algorithms.js';
import { LayerwiseOptimizer } from '../../../src/optimizer/layerwise-optimizer.js';
import { RULES } from '../../../src/optimizer/rules.js';
import { STATISTIC_INDEX, STATISTICS, type StatisticName } from '../../../src/optimizer/statistics.js';
import { PhiloxGenerator } from '../../../src/philox.js';
import { exactStatistics, statisticBound } from '../../support/exact-statistics.js';
import { ON_EMULATION, TEST_DEVICE } from '../../support/test-device.js';

/** Sizes, magnitudes and spreads at which naive float32 sums fail. */

interface Case {
	readonly gradients: Float32Array;
	readonly parameters: Float32Array;
}

/** Statistics of a step against their definitions. */
function check(
	{ gradients, parameters }: Case,
	learningRate: number,
	algorithm: LayerwiseAlgorithm = 'sgd',
	values: 'always' | 'random' = 'random',
): Record<StatisticName, number> {
	const before = parameters.slice();
	const statistics = new Float32Array(STATISTICS.length);
	using optimizer = new LayerwiseOptimizer({
		algorithm,
		layers: [{ name: 'layer', parameters, gradients }],
		device: TEST_DEVICE,
	});
	optimizer.step(learningRate, statistics);
	const exact = exactStatistics({
		gradients,
		oldParameters: before,
		newParameters: parameters,
		moments: RULES[algorithm].firstMoment ? optimizer.state().layers[0]?.moments[0]?.[0] : undefined,
		momentCorrection: RULES[algorithm].correctsBias ? 10 : 1, // 1 / (1 - beta1)
		inverseScale: 1,
	});
	for (const name of STATISTICS) {
		if (name === 'nonFiniteCount') continue;
		// A block of moments below 2^-110 counts as 0.
		if ((name === 'momentNorm' || name === 'gradientMomentCosine') && exact.momentNorm < 1e-30) continue;
		const value = statistics[STATISTIC_INDEX[name]] as number;
		const expected = Math.fround(exact[name]); // a variance of huge values is beyond float32: Infinity
		if (value === expected) continue;
		expect(Math.abs(value - expected), `${algorithm}: ${name}: ${value}, exactly ${expected}`).toBeLessThanOrEqual(
			statisticBound(name, exact, values),
		);
	}
	return Object.fromEntries(STATISTICS.map((name) => [name, statistics[STATISTIC_INDEX[name]]])) as Record<
		StatisticName,
		number
	>;
}

function random(size: number, scale: number, seed: number, mean = 0): Float32Array {
	const generator = new PhiloxGenerator(seed, 'probe');
	return Float32Array.from({ length: size }, () => mean + scale * generator.nextNormal());
}

describe('statistics', () => {
	it.each([1e-38, 1e-30, 1e-22, 1e-15, 1e-8, 1, 1e8, 1e15, 1e18, 1e19, 1e24, 1e30])(
		'hold for norms about %s',
		(norm) => {
			const size = 3000;
			const scale = norm / Math.sqrt(size);
			const found = check({ gradients: random(size, scale, 1), parameters: random(size, scale, 2) }, 0.5);
			expect(found.gradientNorm / norm).toBeGreaterThan(0.9);
			expect(found.gradientNorm / norm).toBeLessThan(1.1);
			expect(found.gradientUpdateCosine).toBeLessThan(-0.999);
			expect(found.nonFiniteCount).toBe(0);
		},
	);

	it.each(LAYERWISE_ALGORITHMS)('of %s hold for norms from 1e-30 to 1e30', (algorithm) => {
		fc.assert(
			fc.property(
				fc.constantFrom(1, 16, 17, 1000, 1024, 3000),
				fc.double({ min: -30, max: 30, noNaN: true }),
				fc.double({ min: -30, max: 30, noNaN: true }),
				fc.integer({ min: 0, max: 1e6 }),
				(size, gradientExponent, parameterExponent, seed) => {
					const scale = (exponent: number): number => 10 ** exponent / Math.sqrt(size);
					check(
						{
							gradients: random(size, scale(gradientExponent), seed),
							parameters: random(size, scale(parameterExponent), seed + 1),
						},
						1e-3,
						algorithm,
					);
				},
			),
			{ numRuns: process.env.GANNO_TEST_FULL ? 2000 : 40 },
		);
	});

	it('hold for values arranged so that float32 sums of deviations lose their digits', () => {
		const generator = new PhiloxGenerator(12, 'probe');
		for (let round = 0; round < (ON_EMULATION ? 3 : 60); round++) {
			const a = generator.uniform(1, 2);
			const b = generator.uniform(0, 1e-3);
			const arranged: ((i: number) => number)[] = [
				(i) => (i < 16 ? a : b), // outliers in all the places a shift is chosen from
				(i) => (i < 16 ? a : 0),
				(i) => (i === round % 16 ? b : a), // one element that is far from all others, and nearest to zero
				(i) => (i === round % 16 ? 0 : a + b * generator.nextNormal()),
				(i) => (i === round % 16 ? 0.999 * a : -a),
				(i) => (i % 2 === 0 ? a : -a - b), // the shift has one sign, half of the values the other
				(i) => (i % 16 === 0 ? 1e4 * a : b), // all weight in one lane
			];
			for (const [which, value] of arranged.entries()) {
				for (const scale of [1, 1e-12, 1e12]) {
					const values = (): Float32Array => Float32Array.from({ length: 1024 + which }, (_, i) => scale * value(i));
					check({ gradients: values(), parameters: values() }, 1e-3, 'momentum', 'always');
				}
			}
		}
	});

	it('hold where a block mixes magnitudes that float32 squares cannot hold together', () => {
		const gradients = random(4096, 1, 3);
		for (let i = 0; i < gradients.length; i++) gradients[i] = (gradients[i] as number) * 10 ** ((i % 60) - 30);
		check({ gradients, parameters: random(4096, 1e-20, 4) }, 1e-3);
	});

	it.each([0, 1, 1e2, 1e4, 1e6])('give the variance at a mean of %s standard deviations', (ratio) => {
		const found = check(
			{ gradients: random(70_001, 1e-3, 5, ratio * 1e-3), parameters: random(70_001, 1, 6, ratio) },
			0,
		);
		expect(found.parameterVariance).toBeGreaterThan(0.9);
		expect(found.parameterVariance).toBeLessThan(1.1);
	});

	it('are not thrown off by an outlier in first place, nor by sixteen of them', () => {
		for (const outliers of [1, 16]) {
			const parameters = random(1024, 1e-3, 7);
			parameters.fill(1e4, 0, outliers);
			check({ gradients: random(1024, 1, 8), parameters }, 0);
		}
	});

	it('keep denormals', () => {
		const gradients = Float32Array.from({ length: 100 }, (_, i) => (i % 7) * 1e-42);
		const found = check({ gradients, parameters: random(100, 1e-40, 9) }, 1);
		expect(found.gradientNorm).toBeGreaterThan(0);
		expect(found.updateNorm).toBeGreaterThan(0);
	});

	it('are exactly zero where everything is zero, constant or without an update', () => {
		const found = check({ gradients: new Float32Array(2000), parameters: new Float32Array(2000).fill(0.1) }, 0.1);
		expect(found).toMatchObject({
			gradientNorm: 0,
			gradientVariance: 0,
			parameterVariance: 0,
			updateNorm: 0,
			updateRatio: 0,
			gradientParameterCosine: 0,
			gradientUpdateCosine: 0,
			gradientMomentCosine: 0,
		});
		expect(found.parameterMean).toBe(Math.fround(0.1));
	});

	it('of an empty layer, first, between and last, are zero and disturb no other', () => {
		for (const algorithm of ALGORITHMS) {
			const full = (): Case => ({ gradients: random(50, 1, 10), parameters: random(50, 1, 11) });
			const empty: Case = { gradients: new Float32Array(0), parameters: new Float32Array(0) };
			const alone = full();
			const expected = new Float32Array(STATISTICS.length);
			using optimizer = new LayerwiseOptimizer({
				algorithm,
				layers: [{ name: 'alone', ...alone }],
				device: TEST_DEVICE,
			});
			optimizer.step(0.1, expected);
			for (const position of [0, 1, 2]) {
				const layers = [empty, empty, empty].map((layer, i) => ({
					name: `${i}`,
					...(i === position ? full() : layer),
				}));
				const statistics = new Float32Array(3 * STATISTICS.length);
				using others = new LayerwiseOptimizer({ algorithm, layers, device: TEST_DEVICE });
				others.step(0.1, statistics);
				for (let layer = 0; layer < 3; layer++) {
					const part = [...statistics.subarray(layer * STATISTICS.length, (layer + 1) * STATISTICS.length)];
					expect(part).toEqual(layer === position ? [...expected] : STATISTICS.map(() => 0));
				}
				expect([...(layers[position] as Case).parameters]).toEqual([...alone.parameters]);
			}
		}
	});

	it('hold over random sizes, magnitudes, means and alignments', () => {
		fc.assert(
			fc.property(
				fc.integer({ min: 1, max: 3000 }),
				fc.double({ min: -30, max: 28, noNaN: true }),
				fc.double({ min: -30, max: 28, noNaN: true }),
				fc.double({ min: -3, max: 6, noNaN: true }),
				fc.integer({ min: 0, max: 7 }),
				fc.integer({ min: 0, max: 1e6 }),
				(size, gradientExponent, parameterExponent, ratio, offset, seed) => {
					const view = (values: Float32Array): Float32Array => {
						const whole = new Float32Array(offset + values.length);
						whole.set(values, offset);
						return whole.subarray(offset);
					};
					const scale = 10 ** parameterExponent;
					check(
						{
							gradients: view(random(size, 10 ** gradientExponent, seed)),
							parameters: view(random(size, scale, seed + 1, scale * 10 ** ratio)),
						},
						0.1,
					);
				},
			),
			{ numRuns: 200 },
		);
	});
});

import { describe, expect, it } from 'vitest';
import {
	NETWORK_OBSERVATION_SIZE,
	NETWORK_OBSERVATION_VERSION,
	NETWORK_OBSERVATIONS,
	NetworkObserver,
	predictionVariance,
} from '../../src/environment/observations/network-observation.js';
import type { ObservationInput } from '../../src/environment/observations/observer.js';
import { POPULATION_STATISTICS, STATISTIC_INDEX } from '../../src/optimizer/statistics.js';

const COUNT = POPULATION_STATISTICS.length;

/** Two networks of two layers; everything of the second is another, so that a mixed-up index shows. */
function input(changes: Partial<ObservationInput> = {}): ObservationInput {
	const statistics = new Float32Array(4 * COUNT).fill(99);
	for (const [layer, mean, variance] of [
		[1, 0.02, 0.01],
		[3, -0.004, 1e-4],
	] as const) {
		statistics[layer * COUNT + STATISTIC_INDEX.parameterMean] = mean;
		statistics[layer * COUNT + STATISTIC_INDEX.parameterVariance] = variance;
	}
	return {
		statistics,
		learningRates: Float32Array.of(1e-2, 1e-4, 0.1, 0.1),
		baseFactor: 1,
		trainingLoss: Float32Array.of(1, 2, 3, 0.5, 0.5, 0.5),
		steps: 3,
		validation: Float32Array.of(4, 0.3, 0.25, 1, 0.8, 0),
		validationStride: 3,
		progress: 0.5,
		previousActions: new Uint8Array(2),
		...changes,
	};
}

const LOGITS = [Float32Array.of(1, 2, 3, 6), Float32Array.of(-10, 10)];
const predictions = { validationLogits: (network: number) => LOGITS[network]! };

function encode(changes: Partial<ObservationInput> = {}, from: typeof predictions = predictions): number[][] {
	const out = new Float32Array(2 * NETWORK_OBSERVATION_SIZE).fill(77);
	new NetworkObserver(2, 2).encode(input(changes), out, from);
	return [0, 1].map((n) => [...out.subarray(n * NETWORK_OBSERVATION_SIZE, (n + 1) * NETWORK_OBSERVATION_SIZE)]);
}

describe(NETWORK_OBSERVATION_VERSION, () => {
	it('has the seven figures of the paper', () => {
		expect(NETWORK_OBSERVATION_SIZE).toBe(7);
		expect(NETWORK_OBSERVATIONS.map(({ name }) => name)).toEqual([
			'trainingLoss',
			'validationLoss',
			'predictionVariance',
			'predictionChangeVariance',
			'outputMean',
			'outputVariance',
			'learningRate',
		]);
	});

	it('is what the figures give by hand', () => {
		const [first, second] = encode();
		// Mean loss 2; V 4; logits of mean 3 and variance (4 + 1 + 0 + 9) / 4; rates 1e-2 and 1e-4, on average 1e-3.
		const expected = [Math.log(2), Math.log(4), Math.log10(3.5), Math.log10(0.25), 2, 0, 0];
		for (const [f, value] of expected.entries()) expect(first![f], `feature ${f}`).toBeCloseTo(value, 5);
		const other = [Math.log(0.5), 0, 2, -6, -0.4, -2, 2 / 1.5];
		for (const [f, value] of other.entries()) expect(second![f], `feature ${f}`).toBeCloseTo(value, 5);
	});

	it('takes the base schedule into the learning rate', () => {
		expect(encode({ baseFactor: 0.1 })[0]![6]).toBeCloseTo(-1 / 1.5, 5);
	});

	it('stays within ±10, and numbers, whatever comes in', () => {
		const statistics = new Float32Array(4 * COUNT).fill(Number.POSITIVE_INFINITY);
		statistics.fill(Number.NaN, 2 * COUNT);
		const rows = encode(
			{
				statistics,
				trainingLoss: Float32Array.of(1e9, 1e9, 1e9, 0, 0, 0),
				validation: Float32Array.of(1e6, 0, Number.MAX_VALUE, 0, 0, Number.NaN),
				learningRates: Float32Array.of(0, 0, 1e30, 1e30),
			},
			{ validationLogits: (n) => Float32Array.of(n === 0 ? Number.NaN : 3e38, -3e38) },
		);
		for (const value of rows.flat()) expect(Math.abs(value)).toBeLessThanOrEqual(10);
	});

	it('is 0 for a network that has ended', () => {
		const [first, second] = encode({ active: Uint8Array.of(0, 1) });
		expect(first).toEqual([0, 0, 0, 0, 0, 0, 0]);
		expect(second![2]).toBeCloseTo(2, 5);
	});

	it('needs predictions', () => {
		const out = new Float32Array(14);
		expect(() => new NetworkObserver(2, 2).encode(input(), out, {})).toThrow(/population\.validationLogits/);
	});
});

describe('the variance of predictions', () => {
	it('is over all numbers', () => {
		expect(predictionVariance(Float32Array.of(5, 5, 5))).toBe(0);
		expect(predictionVariance(Float32Array.of(1, 2, 3, 6))).toBe(3.5);
		expect(predictionVariance(Float32Array.of(1, Number.NaN))).toBe(0);
	});
});

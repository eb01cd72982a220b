import { describe, expect, it } from 'vitest';
import {
	BOUNDED_OBSERVATIONS,
	OBSERVATION_SIZE,
	OBSERVATIONS,
	ObservationEncoder,
	observationNames,
} from '../../src/environment/observations/layer-observation.js';
import type { ObservationInput } from '../../src/environment/observations/observer.js';
import type { TrainableLayer } from '../../src/networks/spec.js';
import { POPULATION_STATISTICS, type StatisticName } from '../../src/optimizer/statistics.js';

const LAYERS: readonly TrainableLayer[] = [
	{ name: 'a', type: 'conv', size: 100, weightShape: [3, 3, 1, 11], biasShape: [1] },
	{ name: 'b', type: 'dense', size: 10_000, weightShape: [100, 99], biasShape: [100] },
];

function statistics(...rows: readonly Partial<Record<StatisticName, number>>[]): Float32Array {
	return Float32Array.from(rows.flatMap((row) => POPULATION_STATISTICS.map((name) => row[name] ?? 0)));
}

const FIRST = {
	statistics: statistics(
		{
			gradientNorm: 0.1,
			parameterNorm: 10,
			momentNorm: 0.01,
			updateRatio: 0.01,
			gradientNormSpread: 0.25,
			gradientMomentCosine: 0.5,
			gradientParameterCosine: -0.1,
			gradientUpdateCosine: -0.4,
		},
		{ gradientNorm: 1, parameterNorm: 100, momentNorm: 1, updateRatio: 0.001 },
	),
	learningRates: new Float32Array([1e-3, 1e-1]),
	baseFactor: 1,
	trainingLoss: new Float32Array([2, 2, 1, 1]),
	steps: 4,
	validation: new Float32Array([2, 0.5, 0]),
	validationStride: 3,
	progress: 0,
	previousActions: new Uint8Array([4, 4]),
} satisfies ObservationInput;

const SECOND: ObservationInput = {
	...FIRST,
	statistics: statistics({ gradientNorm: 1, parameterNorm: 10 }, { gradientNorm: 0.01, parameterNorm: 100 }),
	trainingLoss: new Float32Array([1, 1, 1, 1]),
	validation: new Float32Array([4, 0.5, 0]),
	progress: 0.25,
	previousActions: new Uint8Array([0, 8]),
};

function encode(inputs: readonly ObservationInput[], networks = 1, granularity: 'layer' | 'network' = 'layer') {
	const encoder = new ObservationEncoder(LAYERS, networks, granularity);
	const observations = new Float32Array(networks * encoder.agents * OBSERVATION_SIZE).fill(99);
	for (const input of inputs) encoder.encode(input, observations);
	const row = (index: number) => {
		const values = observations.subarray(index * OBSERVATION_SIZE, (index + 1) * OBSERVATION_SIZE);
		return Object.fromEntries(observationNames.map((name, f) => [name, values[f]!]));
	};
	return { observations, row };
}

function expectRow(row: Record<string, number>, expected: Record<string, number>): void {
	for (const [name, value] of Object.entries(expected)) expect(row[name], name).toBeCloseTo(value, 5);
}

describe('the observation layer-v1', () => {
	it('names its 23 features and says which are bounded', () => {
		expect(OBSERVATIONS).toHaveLength(OBSERVATION_SIZE);
		expect(new Set(observationNames).size).toBe(23);
		expect(BOUNDED_OBSERVATIONS).toEqual([19, 20, 21, 22]);
	});

	it('has every feature as worked by hand at reset', () => {
		const { row } = encode([FIRST]);
		expectRow(row(0), {
			learningRate: 0, // (−3 + 3) / 1.5
			relativeLearningRate: -2, // 2 (−3 − (−2))
			updateRatio: 1, // −2 + 3
			gradientScale: 2, // log10(0.1 / 10) + 4
			gradientScaleChange: 0,
			parameterScale: 1, // log10(10 / 10) + 1
			momentRatio: -0.5, // log10(0.1) + 1/2
			gradientNormSpread: 0.25,
			gradientMomentCosine: 1.5,
			gradientParameterCosine: -0.3,
			gradientUpdateCosine: -0.4,
			trainingLoss: Math.log(1.5),
			trainingLossChange: 0,
			trainingLossSlope: 5 * (Math.log(1) - Math.log(2)),
			trainingLossSpread: (2 * 0.5) / 1.51,
			validationLoss: Math.log(2),
			validationLossChange: 0,
			generalisationGap: 3 * (Math.log(2) - Math.log(1.5)),
			sinceBest: 0,
			progress: -1,
			previousAction: 0,
			depth: -1,
			isConvolution: 1,
		});
		expectRow(row(1), {
			learningRate: 2 / 1.5,
			relativeLearningRate: 2,
			updateRatio: 0,
			gradientScale: 2, // log10(1 / 100) + 4
			parameterScale: 1,
			momentRatio: 0.5,
			trainingLoss: Math.log(1.5),
			depth: 1,
			isConvolution: 0,
		});
	});

	it('reports changes since the last decision, and the distance from the best', () => {
		const { row } = encode([FIRST, SECOND]);
		expectRow(row(0), {
			gradientScale: 3,
			gradientScaleChange: 1,
			trainingLossChange: 3 * (Math.log(1) - Math.log(1.5)),
			trainingLossSlope: 0,
			trainingLossSpread: 0,
			validationLossChange: 3 * Math.log(2),
			sinceBest: 3 * Math.log(2),
			progress: -0.5,
			previousAction: -1,
		});
		expectRow(row(1), { gradientScaleChange: -2, previousAction: 1 });
	});

	it('forgets the episode at reset', () => {
		const encoder = new ObservationEncoder(LAYERS, 1);
		const observations = new Float32Array(2 * OBSERVATION_SIZE);
		encoder.encode(SECOND, observations);
		encoder.reset();
		encoder.encode(FIRST, observations);
		expect(observations).toEqual(encode([FIRST]).observations);
	});

	it('counts the base schedule into the learning rate', () => {
		const { row } = encode([{ ...FIRST, baseFactor: 0.1 }]);
		expectRow(row(0), { learningRate: -1 / 1.5, relativeLearningRate: -2 });
	});

	it('splits an odd interval with the longer half last, and has no slope for a single step', () => {
		const odd = encode([{ ...FIRST, trainingLoss: new Float32Array([4, 1, 3]), steps: 3 }]);
		expectRow(odd.row(0), { trainingLossSlope: 5 * (Math.log(2) - Math.log(4)) });
		const single = encode([{ ...FIRST, trainingLoss: new Float32Array([4]), steps: 1 }]);
		expectRow(single.row(0), { trainingLossSlope: 0, trainingLossSpread: 0, trainingLoss: Math.log(4) });
	});

	it('says 0 for progress when the horizon is unknown', () => {
		expectRow(encode([{ ...FIRST, progress: undefined }]).row(0), { progress: 0 });
	});

	it('clips losses, changes and every feature', () => {
		const { row } = encode([
			{ ...FIRST, trainingLoss: new Float32Array(4).fill(1e9), validation: new Float32Array([1e-9, 0, 0]) },
			{ ...FIRST, trainingLoss: new Float32Array(4).fill(0), validation: new Float32Array([1e9, 0, 0]) },
		]);
		expectRow(row(0), {
			trainingLoss: Math.log(1e-3),
			trainingLossChange: -9,
			validationLoss: Math.log(20),
			validationLossChange: 9,
			generalisationGap: 10, // 3 × 9.9, cut
			sinceBest: 9,
		});
	});

	it('is finite whatever the statistics are', () => {
		for (const value of [0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e38, 1e-45]) {
			const broken = { ...FIRST, statistics: new Float32Array(2 * POPULATION_STATISTICS.length).fill(value) };
			const { observations } = encode([FIRST, broken, FIRST, broken]);
			for (const x of observations) expect(Math.abs(x)).toBeLessThanOrEqual(10);
		}
		const zero = { ...FIRST, statistics: statistics({}, {}), learningRates: new Float32Array(2) };
		expectRow(encode([zero]).row(0), { updateRatio: -9, gradientScale: -8, parameterScale: -10, learningRate: -6 });
	});

	it('averages over layers for one agent', () => {
		const layerwise = encode([FIRST, SECOND]).observations;
		const one = encode([FIRST, { ...SECOND, previousActions: new Uint8Array([6]) }], 1, 'network').observations;
		expect(one).toHaveLength(OBSERVATION_SIZE);
		for (let f = 0; f < OBSERVATION_SIZE; f++) {
			const expected = f === 20 ? 0.5 : (layerwise[f]! + layerwise[OBSERVATION_SIZE + f]!) / 2;
			expect(one[f], observationNames[f]).toBeCloseTo(expected, 5);
		}
	});

	it('encodes every network as if it were alone, and zeroes those that ended', () => {
		const both: ObservationInput = {
			...FIRST,
			statistics: Float32Array.from([...SECOND.statistics, ...FIRST.statistics]),
			learningRates: Float32Array.from([...SECOND.learningRates, ...FIRST.learningRates]),
			trainingLoss: Float32Array.from([...SECOND.trainingLoss, ...FIRST.trainingLoss]),
			validation: Float32Array.from([...SECOND.validation, ...FIRST.validation]),
			previousActions: Uint8Array.from([4, 4, 4, 4]),
		};
		const { observations } = encode([both], 2);
		const second = observations.subarray(2 * OBSERVATION_SIZE);
		expect([...second]).toEqual([...encode([FIRST]).observations]);
		const masked = encode([{ ...both, active: new Uint8Array([0, 1]) }], 2).observations;
		expect([...masked.subarray(0, 2 * OBSERVATION_SIZE)]).toEqual(Array.from({ length: 46 }, () => 0));
		expect([...masked.subarray(2 * OBSERVATION_SIZE)]).toEqual([...second]);
	});
});

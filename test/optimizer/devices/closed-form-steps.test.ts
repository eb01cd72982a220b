import { describe, expect, it } from 'vitest';
import { native } from '../../../src/native.js';
import { LAYERWISE_ALGORITHMS, type LayerwiseAlgorithm } from '../../../src/optimizer/algorithms.js';
import { LayerwiseOptimizer } from '../../../src/optimizer/layerwise-optimizer.js';
import type { LayerwiseOptimizerOptions } from '../../../src/optimizer/optimizer-options.js';
import { STATISTIC_INDEX, STATISTICS, type StatisticName } from '../../../src/optimizer/statistics.js';
import { OPTIMIZER_DEVICES } from '../../support/backends.js';
import { buildLayout, newStatistics, sameBytes, snapshot } from '../../support/layerwise-layouts.js';

/** Lion, LARS, LAMB and clipping on numbers whose results can be worked out by hand. */

interface Result {
	readonly parameters: readonly (readonly number[])[];
	readonly statistic: (layer: number, name: StatisticName) => number;
}

/** Steps with the same gradients; one layer per entry. Parameters [3, 4] unless said. */
function run(
	options: Omit<LayerwiseOptimizerOptions, 'layers'>,
	gradients: readonly (readonly number[])[],
	{ steps = 1, learningRate = 0.5, inverseScale = 1, start = [3, 4], adapt = true } = {},
): Result {
	const parameters = gradients.map(() => Float32Array.from(start));
	const layers = gradients.map((values, i) => ({
		name: `${i}`,
		parameters: parameters[i] as Float32Array,
		gradients: Float32Array.from(values),
		adapt,
	}));
	using optimizer = new LayerwiseOptimizer({ ...options, layers });
	const statistics = new Float32Array(layers.length * STATISTICS.length);
	for (let step = 0; step < steps; step++) optimizer.step(learningRate, statistics, { inverseScale });
	return {
		parameters: parameters.map((array) => [...array]),
		statistic: (layer, name) => statistics[layer * STATISTICS.length + STATISTIC_INDEX[name]] as number,
	};
}

function expectClose(actual: readonly number[] | undefined, expected: readonly number[]): void {
	expect(actual).toHaveLength(expected.length);
	for (const [i, value] of expected.entries()) expect(actual?.[i]).toBeCloseTo(value, 5);
}

describe.each(OPTIMIZER_DEVICES)('on device %s', (device) => {
	it('Lion steps by the sign of the mixture, and decays apart from it', () => {
		const plain = run({ algorithm: 'lion', device }, [[1e-20, -7]]);
		expectClose(plain.parameters[0], [2.5, 4.5]);
		const decayed = run({ algorithm: 'lion', device, hyperparameters: { weightDecay: 0.2 } }, [[0, -7]]);
		expectClose(decayed.parameters[0], [2.7, 4 * 0.9 + 0.5]); // the sign of 0 is 0
		// The moment has 1 - beta2 of the gradient and is not corrected.
		expect(plain.statistic(0, 'momentNorm')).toBeCloseTo(0.01 * 7, 6);
		expect(plain.statistic(0, 'gradientMomentCosine')).toBeCloseTo(1, 6);
	});

	it('Lion lets an old moment outvote a new gradient', () => {
		const parameters = Float32Array.of(0);
		const gradients = Float32Array.of(1);
		using optimizer = new LayerwiseOptimizer({
			algorithm: 'lion',
			device,
			hyperparameters: { beta1: 0.9, beta2: 0.5 },
			layers: [{ name: 'a', parameters, gradients }],
		});
		optimizer.step(0.25); // m = 0.5
		gradients[0] = -4; // 0.9 * 0.5 - 0.1 * 4 > 0
		optimizer.step(0.25); // m = 0.25 - 2
		expect(parameters[0]).toBe(-0.5);
		optimizer.step(0.25); // now the sign turns
		expect(parameters[0]).toBe(-0.25);
	});

	it('LARS scales the gradient by the ratio of norms', () => {
		const hyperparameters = { trustCoefficient: 0.1, momentum: 0.5, weightDecay: 0.2 };
		// |p| = 5, |g| = 10, trust = 0.1 * 5 / (10 + 0.2 * 5) = 1/22; v = trust (g + 0.2 p)
		const { parameters, statistic } = run({ algorithm: 'lars', device, hyperparameters }, [[6, -8]]);
		const velocity = [6.6 / 22, -7.2 / 22];
		expectClose(parameters[0], [3 - 0.5 * (velocity[0] as number), 4 - 0.5 * (velocity[1] as number)]);
		expect(statistic(0, 'momentNorm')).toBeCloseTo(Math.hypot(...velocity), 6);
	});

	it('LARS is momentum where a layer does not adapt, and where a norm is 0', () => {
		const momentum = run({ algorithm: 'momentum', device }, [[6, -8]], { steps: 3 });
		const switched = run({ algorithm: 'lars', device }, [[6, -8]], { steps: 3, adapt: false });
		expect(switched.parameters).toEqual(momentum.parameters);
		expectClose(run({ algorithm: 'lars', device }, [[6, -8]], { start: [0, 0] }).parameters[0], [-3, 4]);
		expectClose(run({ algorithm: 'lars', device }, [[0, 0]]).parameters[0], [3, 4]);
	});

	it('LARS takes the norm of parameters that the caller wrote between two steps', () => {
		const parameters = Float32Array.of(3, 4);
		using optimizer = new LayerwiseOptimizer({
			algorithm: 'lars',
			device,
			layers: [{ name: 'a', parameters, gradients: Float32Array.of(0, 5) }],
			hyperparameters: { trustCoefficient: 1, momentum: 0 },
		});
		optimizer.step(0.8); // trust 5 / 5, to (3, 0)
		parameters.set([30, 0]);
		optimizer.step(0.5); // trust 30 / 5
		expectClose([...parameters], [30, -0.5 * 5 * (30 / 5)]);
	});

	it('LAMB takes a step of the length of the parameters times the learning rate', () => {
		// First step: m^ / sqrt v^ = sign(g), so r = (1, -1), trust = 5 / sqrt 2.
		const { parameters, statistic } = run({ algorithm: 'lamb', device }, [[6, -8]]);
		const step = (0.5 * 5) / Math.SQRT2;
		expectClose(parameters[0], [3 - step, 4 + step]);
		expect(statistic(0, 'updateNorm')).toBeCloseTo(2.5, 5);
		expect(statistic(0, 'updateRatio')).toBeCloseTo(0.5, 5);
		expect(statistic(0, 'momentNorm')).toBeCloseTo(10, 4); // bias-corrected
		const decayed = run({ algorithm: 'lamb', device, hyperparameters: { weightDecay: 0.5 } }, [[6, -8]]);
		const r = [1 + 1.5, -1 + 2];
		const trust = 5 / Math.hypot(...r);
		expectClose(decayed.parameters[0], [3 - 0.5 * trust * (r[0] as number), 4 - 0.5 * trust * (r[1] as number)]);
	});

	it('LAMB has a trust ratio of 1 where a layer does not adapt, and where a norm is 0', () => {
		expectClose(run({ algorithm: 'lamb', device }, [[6, -8]], { adapt: false }).parameters[0], [2.5, 4.5]);
		expectClose(run({ algorithm: 'lamb', device }, [[6, -8]], { start: [0, 0] }).parameters[0], [-0.5, 0.5]);
		expectClose(run({ algorithm: 'lamb', device }, [[0, 0]]).parameters[0], [3, 4]);
	});

	it.each([1e-25, 1e25])('LARS knows norms whose squares float32 cannot hold (%f)', (scale) => {
		const start = [3 * scale, 4 * scale];
		const gradients = [[6 * scale, -8 * scale]];
		const options = { algorithm: 'lars' as const, device, hyperparameters: { epsilon: 1e-37, trustCoefficient: 1 } };
		const [result] = run(options, gradients, { start }).parameters;
		expect((result?.[0] as number) / scale).toBeCloseTo(3 - 0.5 * 0.5 * 6, 5);
		expect((result?.[1] as number) / scale).toBeCloseTo(4 + 0.5 * 0.5 * 8, 5);
	});

	it('LAMB steps by no more than float32 holds, and counts no element twice', () => {
		const { parameters, statistic } = run({ algorithm: 'lamb', device }, [[1e-39, 0]], { start: [1e22, 0] });
		expect(parameters[0]?.every(Number.isFinite)).toBe(true);
		expect(statistic(0, 'nonFiniteCount')).toBe(0);
	});

	it('clips each layer to a norm, and leaves shorter gradients alone', () => {
		const gradients = [
			[6, -8],
			[0.3, 0.4],
		];
		const { parameters, statistic } = run({ algorithm: 'sgd', device, clip: { layerNorm: 1 } }, gradients);
		expectClose(parameters[0], [3 - 0.3, 4 + 0.4]);
		expectClose(parameters[1], [3 - 0.15, 4 - 0.2]);
		expect(statistic(0, 'gradientNorm')).toBeCloseTo(10, 5); // the statistics are of the gradient before clipping
		expect(statistic(0, 'momentNorm')).toBeCloseTo(10, 5);
		expect(statistic(0, 'updateNorm')).toBeCloseTo(0.5, 5);
	});

	it('clips all layers by their norm together, after the scale, before weight decay', () => {
		const gradients = [
			[6, -8],
			[0, 24],
		]; // norm 26
		const both = run({ algorithm: 'sgd', device, clip: { globalNorm: 13 } }, gradients);
		expectClose(both.parameters.flat(), [1.5, 6, 3, -2]);
		const scaled = run({ algorithm: 'sgd', device, clip: { globalNorm: 13 } }, gradients, { inverseScale: 0.25 });
		expectClose(scaled.parameters.flat(), [3 - 0.75, 4 + 1, 3, 4 - 3]); // norm 6.5: as it is
		const hyperparameters = { weightDecay: 1 };
		const decayed = run({ algorithm: 'sgd', device, hyperparameters, clip: { globalNorm: 13 } }, gradients);
		expectClose(decayed.parameters.flat(), [0, 4, 1.5, -4]);
	});

	it('clips by layer first where both are asked for', () => {
		const gradients = [
			[6, -8],
			[0, 0.75],
		];
		const clip = { layerNorm: 1, globalNorm: 0.625 }; // norms 1 and 0.75, together 1.25: halved
		expectClose(run({ algorithm: 'sgd', device, clip }, gradients).parameters.flat(), [2.85, 4.2, 3, 4 - 0.1875]);
	});

	it('adds 1e-6 to the norm as PyTorch does', () => {
		const { parameters } = run({ algorithm: 'sgd', device, clip: { layerNorm: 1e-6 } }, [[1e-6, 0]], {
			start: [0, 0],
			learningRate: 1,
		});
		expect((parameters[0]?.[0] as number) / -0.5e-6).toBeCloseTo(1, 5);
	});

	it('leaves non-finite entries and skipped layers out of the norms', () => {
		const gradients = [
			[Number.NaN, 10],
			[0, 24],
		];
		const element = run({ algorithm: 'sgd', device, clip: { globalNorm: 13 } }, gradients);
		expectClose(element.parameters.flat(), [3, 4 - 2.5, 3, 4 - 6]); // norm 26
		const layer = run({ algorithm: 'sgd', device, nonFinite: 'skip-layer', clip: { globalNorm: 12 } }, gradients);
		expectClose(layer.parameters.flat(), [3, 4, 3, 4 - 6]); // norm 24
		const network = run({ algorithm: 'lamb', device, nonFinite: 'skip-network', clip: { globalNorm: 12 } }, gradients);
		expectClose(network.parameters.flat(), [3, 4, 3, 4]);
	});

	it('hands LARS and LAMB the clipped gradient', () => {
		const hyperparameters = { trustCoefficient: 1, epsilon: 5 };
		// clipped to (3, -4): trust = 5 / (5 + 5)
		const lars = run({ algorithm: 'lars', device, hyperparameters, clip: { layerNorm: 5 } }, [[6, -8]]);
		expectClose(lars.parameters[0], [3 - 0.75, 4 + 1]);
		const lamb = run({ algorithm: 'lamb', device, hyperparameters: { epsilon: 4 }, clip: { globalNorm: 5 } }, [
			[6, -8],
		]);
		const r = [3 / 7, -4 / 8];
		const trust = 5 / Math.hypot(...r);
		expectClose(lamb.parameters[0], [3 - 0.5 * trust * (r[0] as number), 4 - 0.5 * trust * (r[1] as number)]);
	});
});

describe('rules that need norms first', () => {
	const cases: [LayerwiseAlgorithm, { layerNorm: number; globalNorm: number }][] = [
		['lars', { layerNorm: 0, globalNorm: 0 }],
		['lamb', { layerNorm: 0, globalNorm: 0 }],
		['lamb', { layerNorm: 1, globalNorm: 0 }],
		['adam', { layerNorm: 1, globalNorm: 0 }],
		['adamw', { layerNorm: 0, globalNorm: 1 }],
		['lars', { layerNorm: 2, globalNorm: 1 }],
	];
	it.each(cases)('%s, clip %o: the same bits over tiers and threads when layers are many pieces', (algorithm, clip) => {
		const array = (size: number) =>
			({ size, offset: 3, shared: false, parameters: 'normal', gradients: 'non-finite' }) as const;
		const spec = {
			seed: 5,
			algorithm: LAYERWISE_ALGORITHMS.indexOf(algorithm),
			nonFinite: 0,
			layers: [[array(300)], [array(65_536)], [array(250_001), array(77)], [], [array(140_000)], [array(20)]],
			learningRate: 1e-2,
			weightDecay: 0.1,
			momentum: 0.9,
			inverseScale: 0.5,
			clip,
		};
		const results = native()
			.cpuTiers()
			.flatMap((tier) =>
				[1, 2, 3].map((threads) => {
					const layout = buildLayout(spec, threads, tier);
					const plan = new (native().LayerwisePlan)(layout.options);
					const statistics = newStatistics(layout);
					for (let step = 0; step < 3; step++) plan.step(...layout.controls, statistics, layout.inverseScale);
					const left = snapshot(layout, plan, [statistics]);
					plan.dispose();
					return left;
				}),
			);
		for (const result of results) expect(sameBytes(result, results[0] as Uint8Array[])).toBe(true);
	});
});

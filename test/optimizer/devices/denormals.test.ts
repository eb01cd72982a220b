import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LAYERWISE_ALGORITHMS, type LayerwiseAlgorithm } from '../../../src/optimizer/algorithms.js';
import { layerStatistics } from '../../../src/optimizer/layer-statistics.js';
import { LayerwiseOptimizer } from '../../../src/optimizer/layerwise-optimizer.js';
import type { DenormalPolicy, OptimizerDevice } from '../../../src/optimizer/optimizer-options.js';
import { STATISTIC_INDEX, STATISTICS } from '../../../src/optimizer/statistics.js';
import { PhiloxGenerator } from '../../../src/philox.js';
import { ON_CUDA, TEST_DEVICE } from '../../support/test-device.js';

const SMALLEST_NORMAL = 2 ** -126;
/** Those that are here; in vitest's project `emulated`, and on a GPU, the CUDA device. */
const DEVICES: readonly OptimizerDevice[] = ON_CUDA ? [TEST_DEVICE as OptimizerDevice] : ['cpu', 'reference'];
const isDenormal = (value: number): boolean => value !== 0 && Math.abs(value) < SMALLEST_NORMAL;

interface Case {
	readonly algorithm: LayerwiseAlgorithm;
	readonly device: OptimizerDevice;
	readonly denormals: DenormalPolicy;
	readonly parameters: Float32Array;
	readonly gradients: Float32Array;
	readonly threads?: number;
}

function make({ algorithm, device, denormals, parameters, gradients, threads = 1 }: Case) {
	return new LayerwiseOptimizer({
		algorithm,
		device,
		denormals,
		threads,
		layers: [{ name: 'a', parameters, gradients }],
	});
}

const statistic = (statistics: Float32Array, name: (typeof STATISTICS)[number]): number =>
	statistics[STATISTIC_INDEX[name]] as number;

describe.each(DEVICES)('denormals (%s)', (device) => {
	it('are kept unless asked, as PyTorch keeps them', () => {
		const layer = { name: 'a', parameters: Float32Array.of(1e-39, 0), gradients: Float32Array.of(0, -1e-39) };
		using optimizer = new LayerwiseOptimizer({ algorithm: 'sgd', layers: [layer], device });
		const statistics = new Float32Array(STATISTICS.length);
		optimizer.step(1, statistics);
		expect([...layer.parameters]).toEqual([Math.fround(1e-39), Math.fround(1e-39)]);
		expect(statistic(statistics, 'gradientMaxAbs')).toBe(Math.fround(1e-39));
	});

	it('flushed, count as 0 in parameters, gradients and results', () => {
		const parameters = Float32Array.of(1e-39, 0, 1.5 * SMALLEST_NORMAL, 1);
		const gradients = Float32Array.of(0, -1e-39, SMALLEST_NORMAL, 1e-39);
		using optimizer = make({ algorithm: 'sgd', device, denormals: 'flush', parameters, gradients });
		const statistics = new Float32Array(STATISTICS.length);
		optimizer.step(1, statistics);
		expect([...parameters]).toEqual([0, 0, 0, 1]);
		expect(statistic(statistics, 'gradientMaxAbs')).toBe(SMALLEST_NORMAL);
		expect(statistic(statistics, 'updateNorm')).toBeCloseTo(1.5 * SMALLEST_NORMAL, 44);
	});

	it('flushed, end the decay of a moment that nobody feeds any more', () => {
		const final = (denormals: DenormalPolicy): number => {
			const gradients = Float32Array.of(1e-30);
			using optimizer = make({
				algorithm: 'momentum',
				device,
				denormals,
				parameters: Float32Array.of(0),
				gradients,
			});
			optimizer.step(0);
			gradients[0] = 0;
			for (let step = 0; step < 250; step++) optimizer.step(0);
			return optimizer.state().layers[0]?.moments[0]?.[0]?.[0] as number;
		};
		expect(final('flush')).toBe(0);
		expect(isDenormal(final('keep'))).toBe(true);
	});

	it('stay where they are in elements that are skipped', () => {
		const parameters = Float32Array.of(1e-39, 1e-39);
		const gradients = Float32Array.of(Number.NaN, 0);
		using optimizer = make({ algorithm: 'sgd', device, denormals: 'flush', parameters, gradients });
		optimizer.step(1);
		expect([...parameters]).toEqual([Math.fround(1e-39), 0]);
	});

	it('are none of layerStatistics’ either, where asked', () => {
		const layer = { parameters: Float32Array.of(1e-39), gradients: Float32Array.of(1e-39) };
		const norm = (denormals: DenormalPolicy) =>
			statistic(layerStatistics([layer], undefined, { device, denormals }), 'gradientNorm');
		expect(norm('keep')).toBe(Math.fround(1e-39));
		expect(norm('flush')).toBe(0);
	});

	it.each(LAYERWISE_ALGORITHMS)('make no difference where there are none: %s', (algorithm) => {
		const generator = new PhiloxGenerator(5, 'probe');
		const start = Float32Array.from({ length: 3000 }, () => generator.nextNormal());
		const gradients = Float32Array.from({ length: 3000 }, () => 1 + generator.nextFloat());
		const results = (['keep', 'flush'] as const).map((denormals) => {
			const parameters = start.slice();
			using optimizer = make({ algorithm, device, denormals, parameters, gradients });
			const statistics = new Float32Array(STATISTICS.length);
			for (let step = 0; step < 3; step++) optimizer.step(0.01, statistics);
			return { parameters, statistics, state: optimizer.state() };
		});
		expect(results[1]).toEqual(results[0]);
	});

	it.each(LAYERWISE_ALGORITHMS)('are nowhere in what a flushed step leaves: %s', (algorithm) => {
		fc.assert(
			fc.property(
				fc.array(fc.tuple(fc.double({ min: -1e-37, max: 1e-37 }), fc.double({ min: -1e-37, max: 1e-37 })), {
					minLength: 1,
					maxLength: 40,
				}),
				(values) => {
					const parameters = Float32Array.from(values, ([value]) => value);
					const gradients = Float32Array.from(values, ([, value]) => value);
					using optimizer = make({ algorithm, device, denormals: 'flush', parameters, gradients });
					const statistics = new Float32Array(STATISTICS.length);
					for (const rate of [0.5, 1e-3]) optimizer.step(rate, statistics);
					expect([...parameters].filter(isDenormal)).toEqual([]);
					const moments = optimizer.state().layers.flatMap((layer) => layer.moments.flat());
					for (const moment of moments) expect([...moment].filter(isDenormal)).toEqual([]);
					expect([...statistics].filter(Number.isNaN)).toEqual([]);
				},
			),
			{ numRuns: process.env.GANNO_TEST_FULL === undefined ? 30 : 2000 },
		);
	});
});

describe('flushed denormals on the CPU', () => {
	it('are the same bits for any number of threads, and leave the control word as it was', () => {
		const size = 200_000;
		const results = [1, 2].map((threads) => {
			const parameters = Float32Array.from({ length: size }, (_, i) => Math.sin(i) * 1e-38);
			const gradients = Float32Array.from({ length: size }, (_, i) => Math.cos(i) * 1e-38);
			const made = { algorithm: 'adam', device: 'cpu', denormals: 'flush', parameters, gradients, threads } as const;
			using optimizer = make(made);
			const statistics = new Float32Array(STATISTICS.length);
			optimizer.step(1e-3, statistics);
			return { parameters, statistics, state: optimizer.state() };
		});
		expect(results[1]).toEqual(results[0]);
		expect(Number.MIN_VALUE * 1).toBeGreaterThan(0);
		expect(Math.fround(1e-39)).toBeGreaterThan(0);
	});
});

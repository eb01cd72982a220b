import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LAYERWISE_ALGORITHMS, type LayerwiseAlgorithm } from '../../src/optimizer/algorithms.js';
import { type LayerStatisticsOptions, layerStatistics } from '../../src/optimizer/layer-statistics.js';
import { LayerwiseOptimizer } from '../../src/optimizer/layerwise-optimizer.js';
import { STATISTIC_INDEX, STATISTICS } from '../../src/optimizer/statistics.js';
import { exactStatistics, statisticBound } from '../support/exact-statistics.js';
import { buildLayout, type Layout, layoutArbitrary } from '../support/layerwise-layouts.js';

const DEVICES = ['cpu', 'reference'] as const;

/** The figures that do not depend on a rule. */
const SHARED_WITH_STEPS = [
	'gradientNorm',
	'gradientMean',
	'gradientVariance',
	'gradientMaxAbs',
	'parameterNorm',
	'parameterMean',
	'parameterVariance',
	'gradientParameterCosine',
] as const;

function layersOf({ options }: Layout) {
	let first = 0;
	return Array.from(options.arraysPerLayer, (count, index) => {
		const range = [first, first + count] as const;
		first += count;
		return {
			name: `${index}`,
			parameters: options.parameters.slice(...range),
			gradients: options.gradients.slice(...range),
		};
	});
}

const joined = (arrays: readonly Float32Array[]): Float32Array =>
	Float32Array.from(arrays.flatMap((array) => [...array]));

describe.each(DEVICES)('layerStatistics (%s)', (device) => {
	it('is what the definitions say, of any layout, and writes nothing else', () => {
		fc.assert(
			fc.property(layoutArbitrary(), (spec) => {
				const layout = buildLayout(spec, 1);
				const before = structuredClone(layout.buffers);
				const layers = layersOf(layout);
				const out = new Float32Array(layers.length * STATISTICS.length).fill(7);
				const { inverseScale } = layout;
				expect(layerStatistics(layers, out, { device, inverseScale })).toBe(out);
				expect(layout.buffers).toEqual(before);
				for (const [index, layer] of layers.entries()) {
					const gradients = joined(layer.gradients);
					const parameters = joined(layer.parameters);
					const exact = exactStatistics({
						gradients,
						oldParameters: parameters,
						newParameters: parameters,
						moments: undefined,
						momentCorrection: 1,
						inverseScale,
					});
					exact.nonFiniteCount = gradients.filter(
						(gradient, i) => !Number.isFinite(Math.fround(gradient * inverseScale)) || !Number.isFinite(parameters[i]),
					).length;
					for (const [i, name] of STATISTICS.entries()) {
						const actual = out[index * STATISTICS.length + i] as number;
						const rounded = Math.fround(exact[name]);
						const off = actual === rounded ? 0 : Math.abs(actual - exact[name]);
						expect(off, `${name} ${actual} for ${exact[name]}`).toBeLessThanOrEqual(statisticBound(name, exact));
					}
				}
			}),
			{ numRuns: process.env.GANNO_TEST_FULL === undefined ? 150 : 5000 },
		);
	});

	it.each(LAYERWISE_ALGORITHMS)('has the bits of a step: %s', (algorithm: LayerwiseAlgorithm) => {
		const layers = [2500, 3].map((size, layer) => ({
			name: `${layer}`,
			parameters: Float32Array.from({ length: size }, (_, i) => Math.sin(i + layer)),
			gradients: Float32Array.from({ length: size }, (_, i) => Math.cos(7 * i) * 10 ** -layer),
		}));
		const seen = layerStatistics(layers, undefined, { device, inverseScale: 0.5 });
		using optimizer = new LayerwiseOptimizer({ algorithm, layers, device });
		const stepped = new Float32Array(layers.length * STATISTICS.length);
		optimizer.step(0.1, stepped, { inverseScale: 0.5 });
		for (const layer of layers.keys()) {
			const value = (values: Float32Array, name: (typeof STATISTICS)[number]): number =>
				values[layer * STATISTICS.length + STATISTIC_INDEX[name]] as number;
			for (const name of SHARED_WITH_STEPS) expect(value(seen, name), name).toBe(value(stepped, name));
			expect(value(seen, 'momentNorm')).toBe(value(seen, 'gradientNorm'));
			expect(value(seen, 'gradientMomentCosine')).toBeCloseTo(1, 6);
			for (const name of ['updateNorm', 'updateRatio', 'gradientUpdateCosine', 'nonFiniteCount'] as const) {
				expect(value(seen, name), name).toBe(0);
			}
		}
	});

	it('looks at arrays that overlap, and at layers without elements', () => {
		const values = Float32Array.of(3, 4, 0, 0);
		const layers = [
			{ parameters: values, gradients: values.subarray(0) },
			{ parameters: [], gradients: [] },
			{ parameters: new Float32Array(0), gradients: new Float32Array(0) },
		];
		const out = layerStatistics(layers, undefined, { device });
		expect(out[STATISTIC_INDEX.gradientNorm]).toBe(5);
		expect(out[STATISTIC_INDEX.parameterNorm]).toBe(5);
		expect(out[STATISTIC_INDEX.gradientParameterCosine]).toBe(1);
		expect(out.subarray(STATISTICS.length)).toEqual(new Float32Array(2 * STATISTICS.length));
	});

	it.each<[string, unknown[], RegExp]>([
		['no layers', [[]], /a non-empty array for layers/],
		['nothing', [], /a non-empty array for layers/],
		['a layer that is none', [[null]], /an object for layers\[0\]/],
		['parameters alone', [[{ parameters: new Float32Array(2) }]], /layers\[0\]\.gradients/],
		[
			'gradients of another length',
			[[{ parameters: new Float32Array(2), gradients: new Float32Array(3) }]],
			/length 2, as the parameters/,
		],
		['a small array for results', [undefined, new Float32Array(13)], /length 14 \(layers × 14\) for out/],
		['another kind of results', [undefined, new Float64Array(14)], /out but received Float64Array/],
		['a negative scale', [undefined, undefined, { inverseScale: -1 }], /inverseScale/],
		['options that are none', [undefined, undefined, null], /an object for options/],
		['an unknown device', [undefined, undefined, { device: 'gpu' }], /device/],
		['no threads', [undefined, undefined, { threads: 0 }], /threads/],
	])('refuses %s', (_, given, message) => {
		const good = [{ parameters: new Float32Array(2), gradients: new Float32Array(2) }];
		const [layers = given.length === 0 ? undefined : good, out, options = { device }] = given;
		const refused = expect(() => (layerStatistics as (...values: unknown[]) => unknown)(layers, out, options));
		refused.toThrow(expect.objectContaining({ name: 'GannoError', code: 'INVALID_ARGUMENT' }));
		refused.toThrow(message);
	});
});

describe('layerStatistics on the CPU', () => {
	it('has the same bits for any number of threads', () => {
		const size = 300_000;
		const layer = {
			parameters: Float32Array.from({ length: size }, (_, i) => Math.sin(i)),
			gradients: Float32Array.from({ length: size }, (_, i) => Math.cos(i * i)),
		};
		const of = (options: LayerStatisticsOptions) => layerStatistics([layer], undefined, options);
		expect(of({ threads: 2 })).toEqual(of({ threads: 1 }));
		expect(of({ threads: 3, device: 'auto' })).toEqual(of({ threads: 1 }));
	});

	it('refuses CUDA in a build without it', () => {
		const layer = { parameters: new Float32Array(2), gradients: new Float32Array(2) };
		expect(() => layerStatistics([layer], undefined, { device: 'cuda:0' })).toThrow(
			expect.objectContaining({ code: 'CUDA_UNAVAILABLE' }),
		);
	});
});

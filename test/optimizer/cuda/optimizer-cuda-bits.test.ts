import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { native } from '../../../src/native.js';
import { LAYERWISE_ALGORITHMS } from '../../../src/optimizer/algorithms.js';
import { emulated } from '../../support/emulation.js';
import {
	arrayArbitrary,
	buildLayout,
	grow,
	type LayoutSpec,
	layoutArbitrary,
	newStatistics,
	sameBytes,
	snapshot,
	wildLayoutArbitrary,
} from '../../support/layerwise-layouts.js';
import { deviceBinding, ON_GPU } from '../../support/test-device.js';

/** The CUDA kernels, on the CPU under emulation or on a card, leave the CPU's bits: parameters, moments, counters, statistics. */

const STEPS = 3;
const device = deviceBinding();

function run(spec: LayoutSpec, cuda: boolean, flushDenormals: boolean): Uint8Array[] {
	const layout = buildLayout(spec, 1);
	const options = { ...layout.options, flushDenormals };
	const plan = cuda ? new device.LayerwisePlan({ ...options, device: 0 }) : new (native().LayerwisePlan)(options);
	grow(spec, layout, plan);
	const statistics = Array.from({ length: STEPS + 1 }, () => newStatistics(layout));
	plan.probe(...layout.controls, statistics[STEPS] as Float32Array, layout.inverseScale);
	for (let step = 0; step < STEPS; step++) plan.step(...layout.controls, statistics[step], layout.inverseScale);
	plan.step(...layout.controls, undefined, layout.inverseScale);
	const left = snapshot(layout, plan, statistics);
	plan.dispose();
	return left;
}

function expectSame(spec: LayoutSpec, seed: number, flushDenormals = seed % 2 === 1): void {
	if (!ON_GPU) emulated().emulation.configure({ seed, multiprocessors: 1 + (seed % 3) });
	const left = run(spec, true, flushDenormals);
	if (!ON_GPU) expect(emulated().emulation.report()).toBe('');
	expect(sameBytes(left, run(spec, false, flushDenormals))).toBe(true);
}

describe('the CUDA step', () => {
	it.each(LAYERWISE_ALGORITHMS)(
		'%s: leaves the bits of the CPU on random layouts, whatever the order of threads',
		(name) => {
			fc.assert(
				fc.property(wildLayoutArbitrary(), fc.integer({ min: 1, max: 1e6 }), (spec, seed) => {
					expectSame({ ...spec, algorithm: LAYERWISE_ALGORITHMS.indexOf(name) }, seed);
				}),
				{ numRuns: process.env.GANNO_TEST_FULL ? 1000 : 12 },
			);
		},
	);

	it.each(LAYERWISE_ALGORITHMS)('%s: leaves them where denormals are flushed and nearly everything is one', (name) => {
		const tiny = arrayArbitrary(fc.integer({ min: 1, max: 1100 }), ['denormal', 'tiny', 'zero']);
		const layers = fc.array(fc.array(tiny, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 2 });
		fc.assert(
			fc.property(layoutArbitrary(tiny), layers, fc.integer({ min: 1, max: 1e6 }), (spec, tinyLayers, seed) => {
				expectSame({ ...spec, layers: tinyLayers, algorithm: LAYERWISE_ALGORITHMS.indexOf(name) }, seed, true);
			}),
			{ numRuns: process.env.GANNO_TEST_FULL ? 300 : 6 },
		);
	});

	it('leaves them for layers of several pieces, cut into items of any number of blocks', () => {
		const big = fc.oneof(fc.integer({ min: 66_000, max: 140_000 }), fc.integer({ min: 0, max: 3000 }));
		const layers = fc.array(
			fc.array(arrayArbitrary(big, ['normal', 'tiny', 'non-finite']), { minLength: 1, maxLength: 2 }),
			{ minLength: 1, maxLength: 2 },
		);
		fc.assert(
			fc.property(wildLayoutArbitrary(), layers, fc.integer({ min: 1, max: 1e6 }), (spec, bigLayers, seed) => {
				expectSame({ ...spec, layers: bigLayers }, seed);
			}),
			{ numRuns: process.env.GANNO_TEST_FULL ? 30 : 2 },
		);
	});
});

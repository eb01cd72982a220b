import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { native } from '../src/native.js';
import { LAYERWISE_ALGORITHMS } from '../src/optimizer/algorithms.js';
import {
	arrayArbitrary,
	buildLayout,
	type LayoutSpec,
	layoutArbitrary,
	newStatistics,
	sameBytes,
	snapshot,
} from './support/layerwise-layouts.js';

const STEPS = 3;

/** Probe, then steps with and without statistics: everything they leave behind. */
function run(spec: LayoutSpec, tier: string, threads: number): Uint8Array[] {
	const layout = buildLayout(spec, threads, tier);
	const plan = new (native().LayerwisePlan)(layout.options);
	const statistics = Array.from({ length: STEPS + 1 }, () => newStatistics(layout));
	plan.probe(statistics[STEPS] as Float32Array, layout.inverseScale);
	for (let step = 0; step < STEPS; step++) plan.step(statistics[step], layout.inverseScale);
	plan.step(undefined, layout.inverseScale);
	const left = snapshot(layout, plan, statistics);
	plan.dispose();
	return left;
}

describe('the layerwise step', () => {
	const tiers = native().cpuTiers();

	it(`leaves the same bits in every tier (${tiers.join(', ')}) on random layouts`, () => {
		fc.assert(
			fc.property(layoutArbitrary(), (spec) => {
				const expected = run(spec, tiers[0] as string, 1);
				for (const tier of tiers.slice(1)) expect(sameBytes(run(spec, tier, 1), expected), tier).toBe(true);
			}),
			{ numRuns: process.env.GANNO_TEST_FULL ? 100_000 : 1500 },
		);
	});

	it.each(LAYERWISE_ALGORITHMS)('%s: leaves the same bits for 1, 2 and 3 threads in every tier', (algorithm) => {
		const big = fc.oneof(fc.integer({ min: 60_000, max: 200_000 }), fc.integer({ min: 0, max: 3000 }));
		const layers = fc.array(
			fc.array(arrayArbitrary(big, ['normal', 'tiny', 'non-finite']), { minLength: 1, maxLength: 3 }),
			{
				minLength: 2,
				maxLength: 3,
			},
		);
		fc.assert(
			fc.property(layoutArbitrary(), layers, (spec, bigLayers) => {
				const bigSpec = { ...spec, algorithm: LAYERWISE_ALGORITHMS.indexOf(algorithm), layers: bigLayers };
				const expected = run(bigSpec, tiers[0] as string, 1);
				for (const tier of tiers) {
					for (const threads of [1, 2, 3]) {
						expect(sameBytes(run(bigSpec, tier, threads), expected), `${tier} × ${threads}`).toBe(true);
					}
				}
			}),
			{ numRuns: process.env.GANNO_TEST_FULL ? 200 : 3 },
		);
	});

	it('gives the same parameters and moments with statistics as without', () => {
		fc.assert(
			fc.property(layoutArbitrary(), (spec) => {
				const left = [true, false].map((withStatistics) => {
					const layout = buildLayout(spec, 1);
					const plan = new (native().LayerwisePlan)(layout.options);
					for (let step = 0; step < STEPS; step++) {
						plan.step(withStatistics ? newStatistics(layout) : undefined, layout.inverseScale);
					}
					const bytes = snapshot(layout, plan, []);
					plan.dispose();
					return bytes;
				});
				expect(sameBytes(left[0] as Uint8Array[], left[1] as Uint8Array[])).toBe(true);
			}),
			{ numRuns: 200 },
		);
	});

	it('probes the statistics of the step to come and touches nothing', () => {
		fc.assert(
			fc.property(layoutArbitrary(), (spec) => {
				const layout = buildLayout(spec, 1);
				const plan = new (native().LayerwisePlan)(layout.options);
				plan.step(undefined, layout.inverseScale);
				const before = snapshot(layout, plan, []);
				const probed = newStatistics(layout);
				plan.probe(probed, layout.inverseScale);
				expect(sameBytes(snapshot(layout, plan, []), before)).toBe(true);
				const stepped = newStatistics(layout);
				plan.step(stepped, layout.inverseScale);
				expect([...probed]).toEqual([...stepped]);
				plan.dispose();
			}),
			{ numRuns: 200 },
		);
	});
});

import { isMainThread } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { native } from '../../src/native.js';
import { LAYERWISE_ALGORITHMS } from '../../src/optimizer/algorithms.js';
import {
	arrayArbitrary,
	buildLayout,
	grow,
	type LayoutSpec,
	largeSizes,
	layoutArbitrary,
	newStatistics,
	sameBytes,
	snapshot,
	wildLayoutArbitrary,
} from '../support/layerwise-layouts.js';

const STEPS = 3;

/** Once is enough: not in the second pass, in worker threads. */
const full = process.env.GANNO_TEST_FULL !== undefined && isMainThread;

/** Probe, then steps with and without statistics: everything they leave behind. */
function run(spec: LayoutSpec, tier: string, threads: number): Uint8Array[] {
	const layout = buildLayout(spec, threads, tier);
	const plan = new (native().LayerwisePlan)(layout.options);
	grow(spec, layout, plan);
	const statistics = Array.from({ length: STEPS + 1 }, () => newStatistics(layout));
	plan.probe(...layout.controls, statistics[STEPS] as Float32Array, layout.inverseScale);
	for (let step = 0; step < STEPS; step++) plan.step(...layout.controls, statistics[step], layout.inverseScale);
	plan.step(...layout.controls, undefined, layout.inverseScale);
	const left = snapshot(layout, plan, statistics);
	plan.dispose();
	return left;
}

describe('the layerwise step', () => {
	const tiers = native().cpuTiers();

	const all = tiers.flatMap((tier) => [1, 2, 3].map((threads) => [tier, threads] as const));
	const baseline = tiers[0] as string;

	/** Against one thread of the baseline tier. */
	function expectSameBits(spec: LayoutSpec, variants: readonly (readonly [tier: string, threads: number])[]): void {
		const expected = run(spec, baseline, 1);
		for (const [tier, threads] of variants) {
			expect(sameBytes(run(spec, tier, threads), expected), `${tier} × ${threads}`).toBe(true);
		}
	}

	it(`leaves the same bits in every tier (${tiers.join(', ')}) and run on random layouts`, () => {
		fc.assert(
			fc.property(wildLayoutArbitrary(), (spec) => {
				expectSameBits(spec, [...tiers.slice(1).map((tier) => [tier, 1] as const), [baseline, 2]]);
			}),
			{ numRuns: full ? 100_000 : 1500 },
		);
	});

	it('leaves the same bits for 1, 2 and 3 threads in every tier on random layouts of arrays large and small', () => {
		const mixed = fc
			.tuple(wildLayoutArbitrary(), arrayArbitrary(largeSizes), fc.nat(4))
			.map(([spec, large, at]) => ({ ...spec, layers: spec.layers.toSpliced(at, 0, [large]).slice(-5) }));
		fc.assert(
			fc.property(mixed, (spec) => expectSameBits(spec, all)),
			{ numRuns: full ? 500 : 6 },
		);
	});

	it.each(LAYERWISE_ALGORITHMS)('%s: leaves the same bits for 1, 2 and 3 threads in every tier', (algorithm) => {
		const big = fc.oneof(fc.integer({ min: 60_000, max: 200_000 }), fc.integer({ min: 0, max: 3000 }));
		const arrays = arrayArbitrary(big, ['normal', 'tiny', 'non-finite']);
		const layers = fc.array(fc.array(arrays, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 3 });
		fc.assert(
			fc.property(layoutArbitrary(), layers, (spec, bigLayers) => {
				expectSameBits({ ...spec, algorithm: LAYERWISE_ALGORITHMS.indexOf(algorithm), layers: bigLayers }, all);
			}),
			{ numRuns: full ? 60 : 2 },
		);
	});

	it('gives the same parameters and moments with statistics as without', () => {
		fc.assert(
			fc.property(wildLayoutArbitrary(), (spec) => {
				const left = [true, false].map((withStatistics) => {
					const layout = buildLayout(spec, 1);
					const plan = new (native().LayerwisePlan)(layout.options);
					for (let step = 0; step < STEPS; step++) {
						plan.step(...layout.controls, withStatistics ? newStatistics(layout) : undefined, layout.inverseScale);
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
			fc.property(wildLayoutArbitrary(), (spec) => {
				const layout = buildLayout(spec, 1);
				const plan = new (native().LayerwisePlan)(layout.options);
				plan.step(...layout.controls, undefined, layout.inverseScale);
				const before = snapshot(layout, plan, []);
				const probed = newStatistics(layout);
				plan.probe(...layout.controls, probed, layout.inverseScale);
				expect(sameBytes(snapshot(layout, plan, []), before)).toBe(true);
				const stepped = newStatistics(layout);
				plan.step(...layout.controls, stepped, layout.inverseScale);
				expect([...probed]).toEqual([...stepped]);
				plan.dispose();
			}),
			{ numRuns: 200 },
		);
	});
});

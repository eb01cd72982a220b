import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { native } from '../../../src/native.js';
import { LAYERWISE_ALGORITHMS } from '../../../src/optimizer/algorithms.js';
import { LayerwiseOptimizer } from '../../../src/optimizer/layerwise-optimizer.js';
import { MOMENT_COUNT } from '../../../src/optimizer/rules.js';
import {
	arrayArbitrary,
	buildLayout,
	grow,
	type LayoutSpec,
	largeSizes,
	newStatistics,
	sameBytes,
	snapshot,
	VALUE_KINDS,
	wildLayoutArbitrary,
} from '../../support/layerwise-layouts.js';

/** `carryParameterNorms`: lars takes ‖p‖ over from the step before, and nobody can tell. */

const LARS = LAYERWISE_ALGORITHMS.indexOf('lars');
const ACTIONS = ['step', 'silent-step', 'probe', 'spoil', 'heal', 'keep', 'restore'] as const;
type Action = (typeof ACTIONS)[number];

interface Variant {
	readonly tier: string;
	readonly threads: number;
	readonly carryParameterNorms: boolean;
}

/** What a plan leaves behind after a life of steps, probes, gradients that are not finite, and states restored. */
function live(spec: LayoutSpec, actions: readonly Action[], variant: Variant, denormals: boolean): Uint8Array[] {
	const layout = buildLayout(spec, variant.threads, variant.tier);
	const { parameters, gradients } = layout.options;
	const carryParameterNorms = variant.carryParameterNorms;
	const plan = new (native().LayerwisePlan)({ ...layout.options, flushDenormals: !denormals, carryParameterNorms });
	grow(spec, layout, plan);
	const moments = Array.from({ length: MOMENT_COUNT[LAYERWISE_ALGORITHMS[spec.algorithm] ?? 'sgd'] }, (_, i) => i);
	const kept = {
		parameters: parameters.map((values) => values.slice()),
		moments: parameters.map((values) => moments.map(() => new Float32Array(values.length))),
		steps: new Float64Array(parameters.length),
	};
	const written: Float32Array[] = [];
	const largest = gradients.reduce((a, b) => (b.length > a.length ? b : a), new Float32Array(0));
	const healthy = largest[largest.length >> 1] as number;
	for (const action of actions) {
		const statistics = newStatistics(layout);
		if (action === 'step') plan.step(statistics, layout.inverseScale);
		else if (action === 'silent-step') plan.step(undefined, layout.inverseScale);
		else if (action === 'probe') plan.probe(statistics, layout.inverseScale);
		else if (largest.length > 0 && action === 'spoil') largest[largest.length >> 1] = Number.NaN;
		else if (largest.length > 0 && action === 'heal') largest[largest.length >> 1] = healthy;
		for (const [i, values] of parameters.entries()) {
			if (action === 'keep') kept.parameters[i]?.set(values);
			else if (action === 'restore') values.set(kept.parameters[i] as Float32Array);
			for (const [moment, array] of (kept.moments[i] ?? []).entries()) {
				if (action === 'keep') plan.readMoment(i, moment, array);
				else if (action === 'restore') plan.writeMoment(i, moment, array);
			}
		}
		if (action === 'keep') plan.readSteps(kept.steps);
		else if (action === 'restore') plan.writeSteps(kept.steps);
		written.push(statistics);
	}
	const left = snapshot(layout, plan, written);
	plan.dispose();
	return left;
}

const life = fc.array(fc.constantFrom<Action[]>('step', 'silent-step', ...ACTIONS), { minLength: 3, maxLength: 12 });
const tiers = native().cpuTiers();

function expectSameBits(spec: LayoutSpec, actions: readonly Action[], denormals: boolean, threads: readonly number[]) {
	const measured = { tier: tiers[0] as string, threads: 1, carryParameterNorms: false };
	const expected = live(spec, actions, measured, denormals);
	for (const tier of tiers) {
		for (const count of threads) {
			const carried = live(spec, actions, { tier, threads: count, carryParameterNorms: true }, denormals);
			expect(sameBytes(carried, expected), `${tier} × ${count}`).toBe(true);
		}
	}
}

describe('norms carried over from the step before', () => {
	it('leave the same bits as measured ones, through probes, restored states and gradients that are not finite', () => {
		fc.assert(
			fc.property(wildLayoutArbitrary(), life, fc.boolean(), (spec, actions, denormals) => {
				expectSameBits({ ...spec, algorithm: LARS }, actions, denormals, [1]);
			}),
			{ numRuns: process.env.GANNO_TEST_FULL ? 20_000 : 500 },
		);
	});

	it('leave the same bits for 1, 2 and 3 threads in layers that all threads share', () => {
		const layers = fc.tuple(arrayArbitrary(largeSizes), arrayArbitrary());
		const short = life.map((actions) => actions.slice(-6));
		fc.assert(
			fc.property(wildLayoutArbitrary(), layers, short, (spec, arrays, actions) => {
				const mixed = { ...spec, algorithm: LARS, layers: [...spec.layers.slice(0, 2), arrays] };
				expectSameBits(mixed, actions, true, [1, 2, 3]);
			}),
			{ numRuns: process.env.GANNO_TEST_FULL ? 300 : 4 },
		);
	});

	it.each(VALUE_KINDS)('leave the same bits in layers of several blocks: parameters %s', (parameters) => {
		const values = { offset: 3, shared: false, parameters, gradients: 'normal' } as const;
		const arrays = [70_000, 65_536, 1030].map((size) => ({ size, ...values }));
		for (const nonFinite of [0, 1, 2, 3]) {
			const rates = { learningRate: 0.1, weightDecay: 0.1, momentum: 0.9, inverseScale: 1, unadapted: 0 };
			const spec = { ...rates, seed: nonFinite, algorithm: LARS, nonFinite, layers: [arrays, arrays.slice(2)] };
			expectSameBits(spec, ['step', 'probe', 'spoil', 'step', 'heal', 'step', 'silent-step', 'step'], true, [2]);
		}
	});

	it('are nothing to the other algorithms', () => {
		fc.assert(
			fc.property(wildLayoutArbitrary(), life, (spec, actions) => expectSameBits(spec, actions, true, [1])),
			{ numRuns: 100 },
		);
	});
});

/** Two steps along the second axis, the first from (3, 4) to (3, 0); the caller writes (30, 0) in between. */
function breakThePromise(device: 'cpu' | 'reference', carryParameterNorms: boolean, restore: boolean): number {
	const parameters = Float32Array.of(3, 4);
	const gradients = Float32Array.of(0, 5);
	using optimizer = new LayerwiseOptimizer({
		algorithm: 'lars',
		device,
		carryParameterNorms,
		layers: [{ name: 'layer', parameters, gradients }],
		hyperparameters: { trustCoefficient: 1, momentum: 0 },
	});
	optimizer.step(0.8); // trust 5 / 5
	parameters.set([30, 0]);
	if (restore) optimizer.restore(optimizer.state());
	optimizer.step(0.5); // trust ‖p‖ / 5
	return parameters[1] as number;
}

describe('parameters that the caller writes between two steps', () => {
	it('get the trust ratio of their old norm, if the caller promised not to', () => {
		expect(breakThePromise('cpu', true, false)).toBeCloseTo((-0.5 * 5 * 3) / 5, 5);
	});

	it.each([
		['without that promise', 'cpu', false, false],
		['when the state is restored in between', 'cpu', true, true],
		['in the reference, which always measures', 'reference', true, false],
	] as const)('get the trust ratio of their own norm %s', (_, device, carries, restore) => {
		expect(breakThePromise(device, carries, restore)).toBeCloseTo((-0.5 * 5 * 30) / 5, 4);
	});
});

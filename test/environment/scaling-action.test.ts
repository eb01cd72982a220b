import { describe, expect, it } from 'vitest';
import { openActionRule, ScalingActionRule } from '../../src/environment/actions/scaling-action.js';
import { TrainingEnvironment, type TrainingEnvironmentOptions } from '../../src/environment/training-environment.js';
import { FAKE_LAYERS, FakePopulation, fakeTask } from '../support/fake-population.js';

function rates(rule: ScalingActionRule, actions: Uint8Array | Float32Array, from: readonly number[]): number[] {
	const out = Float32Array.from(from);
	rule.apply(actions, out.length / actions.length, out);
	return [...out];
}

describe('three-way actions', () => {
	const rule = new ScalingActionRule('three-way', 2);

	it('divide, leave and multiply all learning rates of a network', () => {
		expect(rates(rule, Uint8Array.of(0, 1, 2), [0.25, 0.5, 0.25, 0.5, 0.25, 0.125])).toEqual([
			0.125, 0.25, 0.25, 0.5, 0.5, 0.25,
		]);
	});

	it('go back where they came from', () => {
		const small = new ScalingActionRule('three-way');
		expect(small.multiplier).toBe(1.05);
		const [there] = rates(small, Uint8Array.of(2), [1e-3]);
		expect(there! / 1e-3).toBeCloseTo(1.05, 6);
		expect(rates(small, Uint8Array.of(0), [there!])[0]! / 1e-3).toBeCloseTo(1, 6);
	});
});

describe('continuous actions', () => {
	const rule = new ScalingActionRule('continuous', 4);

	it('are logarithms of the factor in units of the largest one, and cut there', () => {
		const from = [0.01, 0.01, 0.01, 0.01, 0.01];
		const out = rates(rule, Float32Array.of(-7, -0.5, 0, 0.5, 1.5), from);
		for (const [i, factor] of [0.25, 0.5, 1, 2, 4].entries()) expect(out[i]! / 0.01).toBeCloseTo(factor, 5);
	});

	it('leave the learning rate to the bit at 0', () => {
		expect(rates(rule, Float32Array.of(0), [1e-5, 0.7])).toEqual([...Float32Array.of(1e-5, 0.7)]);
	});
});

describe('both', () => {
	it.each(['three-way', 'continuous'] as const)('stay within [1e-6, 1]: %s', (mode) => {
		const rule = new ScalingActionRule(mode, 100);
		const [down, up] = mode === 'continuous' ? [Float32Array.of(-1), Float32Array.of(1)] : [[0], [2]].map(bytes);
		expect(rates(rule, up!, [0.5])).toEqual([1]);
		expect(rates(rule, down!, [1e-6])[0]).toBeCloseTo(1e-6, 12);
	});

	it('refuse other actions without a change', () => {
		const values = Float32Array.of(0.1, 0.2);
		const apply = (mode: 'three-way' | 'continuous', actions: Uint8Array | Float32Array) => () =>
			new ScalingActionRule(mode).apply(actions, 2, values);
		expect(apply('three-way', Uint8Array.of(3))).toThrow(/an integer from 0 to 2 for actions\[0\]/);
		expect(apply('three-way', Float32Array.of(0))).toThrow(/a Uint8Array of length 1 for actions/);
		expect(apply('continuous', Uint8Array.of(0))).toThrow(/a Float32Array of length 1 for actions/);
		expect(apply('continuous', Float32Array.of(Number.NaN))).toThrow(/a finite number for actions\[0\]/);
		expect(apply('three-way', new Uint8Array(2))).toThrow(/of length 1/);
		expect(values).toEqual(Float32Array.of(0.1, 0.2));
		expect(() => new ScalingActionRule('continuous', 1)).toThrow(/multiplier/);
		expect(openActionRule('coarse').mode).toBe('coarse');
		expect(openActionRule('continuous', 3).multiplier).toBe(3);
	});
});

function bytes(values: readonly number[]): Uint8Array {
	return Uint8Array.from(values);
}

/** The fake, with predictions. */
class PredictingPopulation extends FakePopulation {
	validationLogits(network: number): Float32Array {
		return Float32Array.of(-1 - network, 1 + network);
	}
}

function environment(changes: Partial<TrainingEnvironmentOptions> = {}): TrainingEnvironment {
	return new TrainingEnvironment({
		task: fakeTask({ learningRates: [0.01, 0.1] }),
		population: (_task, seeds) => new PredictingPopulation(seeds),
		observation: 'network-v1',
		multiplier: 2,
		...changes,
	});
}

describe('an environment of one agent that sees the network', () => {
	it('shows seven figures and scales all layers together', () => {
		using game = environment();
		const { observations } = game.reset();
		expect([game.agents, game.granularity, game.action.mode]).toEqual([1, 'network', 'three-way']);
		expect(observations).toHaveLength(14);
		expect(observations[2]).toBeCloseTo(0, 5); // log10 of variance 1
		expect(observations[7 + 2]).toBeCloseTo(Math.log10(4), 5);
		const { infos } = game.step(Uint8Array.of(2, 0));
		const layers = FAKE_LAYERS.length;
		for (const rate of infos.learningRates.subarray(0, layers)) expect(rate).toBeCloseTo(0.02, 6);
		for (const rate of infos.learningRates.subarray(layers)) expect(rate).toBeCloseTo(0.05, 6);
	});

	it('takes real numbers where actions are continuous', () => {
		using game = environment({ action: 'continuous' });
		game.reset();
		expect(() => game.step(Uint8Array.of(1, 1))).toThrow(/a Float32Array of length 2 \(networks × agents\)/);
		const { infos } = game.step(Float32Array.of(0.5, -9));
		expect(infos.learningRates[0]).toBeCloseTo(0.01 * Math.SQRT2, 6);
		expect(infos.learningRates[3]).toBeCloseTo(0.05, 6);
	});

	it('says what does not go together', () => {
		expect(() => environment({ action: 'coarse' })).toThrow(/'three-way', 'continuous' for action/);
		expect(() => environment({ granularity: 'layer' })).toThrow(/'network' for granularity/);
		expect(() => environment({ observation: 'layer-v1', action: 'continuous' })).toThrow(/'compounding'.* for action/);
		expect(() => environment({ observation: 'layer-v2' as 'layer-v1' })).toThrow(/'layer-v1', 'network-v1'/);
		using blind = environment({ population: (_task, seeds) => new FakePopulation(seeds) });
		expect(() => blind.reset()).toThrow(/population\.validationLogits/);
	});
});

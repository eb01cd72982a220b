import { describe, expect, it } from 'vitest';
import { ACTION_COUNT, ACTION_MODES, ActionRule, encodeAction } from '../../src/environment/actions/actions.js';

const ALL = Uint8Array.from({ length: ACTION_COUNT }, (_, a) => a);

/** The nine learning rates that the nine actions lead to. */
function outcomes(mode: (typeof ACTION_MODES)[number], now: number): number[] {
	const learningRates = new Float32Array(9).fill(now);
	new ActionRule(mode).apply(ALL, 9, learningRates);
	return [...learningRates];
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
	for (const [i, value] of expected.entries()) expect(actual[i]! / value, `action ${i}`).toBeCloseTo(1, 5);
}

describe('actions', () => {
	it('encode into [−1, 1]', () => {
		expect([...ALL].map(encodeAction)).toEqual([-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1]);
	});

	it('compound from the learning rate in force by default', () => {
		expect(new ActionRule().mode).toBe('compounding');
		expectClose(outcomes('compounding', 1e-3), [1e-4, 3e-4, 5e-4, 8e-4, 1e-3, 1.25e-3, 2e-3, 3.33e-3, 1e-2]);
	});

	it('compound coarsely', () => {
		const expected = [0.01, 0.1, 0.4, 0.75, 1, 1.33, 2.5, 10, 100].map((factor) => factor * 1e-3);
		expectClose(outcomes('coarse', 1e-3), expected);
	});

	it('span five decades absolutely', () => {
		const expected = [-5.5, -4.875, -4.25, -3.625, -3, -2.375, -1.75, -1.125, -0.5].map((e) => 10 ** e);
		expectClose(outcomes('absolute', 0.5), expected);
	});

	it.each(ACTION_MODES)('stay within [1e-6, 1] in mode %s', (mode) => {
		for (const rate of [0, 1e-9, 1e-6, 1, 50]) {
			for (const value of outcomes(mode, rate)) {
				expect(value).toBeGreaterThanOrEqual(Math.fround(1e-6));
				expect(value).toBeLessThanOrEqual(1);
			}
		}
	});

	it('leave the learning rate as it is when neutral', () => {
		const rates = new Float32Array([1e-5, 0.0123, 0.7]);
		new ActionRule('compounding').apply(new Uint8Array([4, 4, 4]), 3, rates);
		expect(rates).toEqual(new Float32Array([1e-5, 0.0123, 0.7]));
	});

	it('apply to every layer of a network when there is one agent', () => {
		const rates = new Float32Array([0.1, 0.2, 0.1, 0.2]);
		new ActionRule().apply(new Uint8Array([2, 6]), 2, rates);
		expectClose([...rates], [0.05, 0.1, 0.2, 0.4]);
	});

	it('are refused when there are too many, or a category is unknown, without a change', () => {
		const rates = new Float32Array([0.1, 0.2]);
		const rule = new ActionRule();
		expect(() => rule.apply(new Uint8Array(3), 2, rates)).toThrow(/Uint8Array of length 2 or 1 for actions/);
		expect(() => rule.apply(new Uint8Array([0, 9]), 2, rates)).toThrow(/from 0 to 8 for actions\[1\]/);
		expect(rates).toEqual(new Float32Array([0.1, 0.2]));
		expect(() => new ActionRule('wild' as 'coarse')).toThrow(/'compounding', 'coarse', 'absolute' for action/);
	});
});

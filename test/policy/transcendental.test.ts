import { describe, expect, it } from 'vitest';
import { PhiloxGenerator } from '../../src/philox.js';
import {
	deterministicExp,
	deterministicLog,
	deterministicSigmoid,
	deterministicTanh,
} from '../../src/policy/transcendental.js';

describe('deterministic elementary functions', () => {
	const generator = new PhiloxGenerator(3, 'policy');
	const points = Array.from({ length: 20_000 }, () => generator.uniform(-30, 30));

	it('agree with the platform to 1e-14', () => {
		for (const x of points) {
			expect(Math.abs(deterministicExp(x) / Math.exp(x) - 1)).toBeLessThan(1e-14);
			expect(Math.abs(deterministicTanh(x) - Math.tanh(x))).toBeLessThan(1e-14);
			expect(Math.abs(deterministicSigmoid(x) - 1 / (1 + Math.exp(-x)))).toBeLessThan(1e-14);
			const y = Math.exp(x);
			expect(Math.abs(deterministicLog(y) - Math.log(y))).toBeLessThan(1e-14 * Math.max(1, Math.abs(x)));
		}
	});

	it('have the right values at the edges', () => {
		expect(deterministicExp(0)).toBe(1);
		expect(deterministicExp(-1e6)).toBe(0);
		expect(deterministicExp(1e6)).toBe(Number.POSITIVE_INFINITY);
		expect(deterministicExp(Number.NaN)).toBeNaN();
		expect(deterministicLog(1)).toBe(0);
		expect(deterministicLog(0)).toBe(Number.NEGATIVE_INFINITY);
		expect(deterministicLog(-1)).toBeNaN();
		expect(deterministicLog(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
		expect(deterministicTanh(100)).toBe(1);
		expect(deterministicTanh(-100)).toBe(-1);
		expect(deterministicTanh(0)).toBe(0);
		expect(deterministicTanh(Number.NaN)).toBeNaN();
		expect(deterministicSigmoid(800)).toBe(1);
		expect(deterministicSigmoid(-800)).toBe(0);
	});
});

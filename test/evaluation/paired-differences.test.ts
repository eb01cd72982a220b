import { describe, expect, it } from 'vitest';
import { pairedDifference } from '../../src/sample-statistics.js';

describe('pairedDifference', () => {
	it('is the paired t interval', () => {
		// Differences 1, 2, 3, 6: mean 3, standard deviation √(14 / 3), t(3; 0.975) = 3.1824.
		const { mean, standardError, low, high, count } = pairedDifference([1, 3, 5, 9], Float32Array.of(0, 1, 2, 3));
		const error = Math.sqrt(14 / 3 / 4);
		expect({ mean, count }).toEqual({ mean: 3, count: 4 });
		expect(standardError).toBeCloseTo(error, 12);
		expect(low).toBeCloseTo(3 - 3.1824 * error, 12);
		expect(high).toBeCloseTo(3 + 3.1824 * error, 12);
	});

	it('knows nothing of the spread of one pair', () => {
		expect(pairedDifference([2], [1])).toEqual({
			mean: 1,
			low: Number.NEGATIVE_INFINITY,
			high: Number.POSITIVE_INFINITY,
			standardError: 0,
			count: 1,
		});
	});

	it.each<[unknown, unknown, RegExp]>([
		[{ length: 2 ** 40 }, [1], /an array of numbers for a/],
		[[1], ['1'], /an array of numbers for b/],
		[[1, 2], [1], /length 2, as a has for b/],
		['12', '34', /an array of numbers for a/],
	])('refuses %j and %j', (a, b, words) => {
		expect(() => pairedDifference(a as number[], b as number[])).toThrow(words);
	});
});

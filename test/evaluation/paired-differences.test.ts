import { describe, expect, it } from 'vitest';
import { pairedDifference } from '../../src/paired-difference.js';

describe('pairedDifference', () => {
	it('is the paired t interval', () => {
		// Differences 1, 2, 3, 6: mean 3, standard deviation √(14 / 3), t(3; 0.975) by scipy 1.17.1.
		const { mean, standardError, low, high, count } = pairedDifference([1, 3, 5, 9], Float32Array.of(0, 1, 2, 3));
		const error = Math.sqrt(14 / 3 / 4);
		expect({ mean, count }).toEqual({ mean: 3, count: 4 });
		expect(standardError).toBeCloseTo(error, 12);
		expect(low).toBeCloseTo(3 - 3.1824463052837078 * error, 7);
		expect(high).toBeCloseTo(3 + 3.1824463052837078 * error, 7);
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

// scipy 1.17.1: scipy.stats.t.ppf(0.975, n)
it.each([
	[1, 12.706204736174694],
	[2, 4.302652729749462],
	[4, 2.7764451051977934],
	[9, 2.262157162798205],
	[10, 2.228138851986274],
	[29, 2.045229642132703],
	[99, 1.9842169515864174],
	[9999, 1.960201263621357],
])("is as wide as Student's t with %d degrees of freedom says", (degrees, quantile) => {
	const values = Array.from({ length: degrees + 1 }, (_, i) => i % 3);
	const { mean, high, standardError } = pairedDifference(values, new Float64Array(degrees + 1));
	expect(Math.abs((high - mean) / standardError - quantile)).toBeLessThan(1e-6);
});

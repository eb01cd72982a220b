import { describe, expect, it } from 'vitest';
import { createNormalizer } from '../../src/policy/normalizer.js';
import { uniformArray } from '../support/policies.js';

const features = 4;

function written(normalizer: ReturnType<typeof createNormalizer>): { mean: Float32Array; deviation: Float32Array } {
	const mean = new Float32Array(features);
	const deviation = new Float32Array(features);
	normalizer.write(mean, deviation);
	return { mean, deviation };
}

describe('observation normaliser', () => {
	// The third feature varies too little, the fourth not at all and far from 0.
	const rows = 300;
	const data = uniformArray(rows * features, 1, 3).map((x, i) => [x * 3 + 100, x, 0.01 * x, 7][i % features]!);

	function batchFormulas(): { mean: number[]; deviation: number[] } {
		const columns = Array.from({ length: features }, (_, i) => [...data].filter((_, k) => k % features === i));
		const mean = columns.map((column) => column.reduce((a, b) => a + b, 0) / rows);
		const deviation = columns.map((column, i) => Math.sqrt(column.reduce((a, b) => a + (b - mean[i]!) ** 2, 0) / rows));
		return { mean, deviation: deviation.map((x) => Math.max(x, 0.05)) };
	}

	it.each([[[300]], [[1, 299]], [[100, 100, 100]], [Array.from({ length: 300 }, () => 1)]])(
		'equals the formulas over all data, whatever the batches (%#)',
		(sizes) => {
			const normalizer = createNormalizer(features);
			let from = 0;
			for (const size of sizes) {
				normalizer.update(data.subarray(from * features, (from + size) * features), size);
				from += size;
			}
			const { mean, deviation } = written(normalizer);
			const expected = batchFormulas();
			for (let i = 0; i < features; i++) {
				expect(mean[i]! / Math.fround(expected.mean[i]!)).toBeCloseTo(1, 6);
				expect(deviation[i]! / Math.fround(expected.deviation[i]!)).toBeCloseTo(1, 6);
			}
			expect(deviation[2]).toBe(Math.fround(0.05));
		},
	);

	it('leaves inactive rows out', () => {
		const all = createNormalizer(features);
		all.update(data.subarray(0, 2 * features), 2);
		all.update(data.subarray(4 * features, 6 * features), 2);
		const masked = createNormalizer(features);
		masked.update(data.subarray(0, 2 * features), 2);
		masked.update(data.subarray(2 * features, 6 * features), 4, Uint8Array.of(0, 1), 2);
		masked.update(data, 4, Uint8Array.of(0, 0), 2);
		expect(masked.state()).toEqual(all.state());
	});

	it('is the identity before it has seen anything, and always for bounded features', () => {
		const normalizer = createNormalizer(features, [1]);
		expect([...written(normalizer).deviation]).toEqual([1, 1, 1, 1]);
		normalizer.update(data, rows);
		const { mean, deviation } = written(normalizer);
		expect(mean[1]).toBe(0);
		expect(deviation[1]).toBe(1);
		expect(mean[0]).not.toBe(0);
	});

	it('continues after a restore to the same bits', () => {
		const first = createNormalizer(features);
		first.update(data.subarray(0, 100 * features), 100);
		const second = createNormalizer(features);
		second.restore(JSON.parse(JSON.stringify(first.state())));
		for (const normalizer of [first, second]) normalizer.update(data.subarray(100 * features), 200);
		expect(second.state()).toEqual(first.state());
	});
});

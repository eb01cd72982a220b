import { describe, expect, it } from 'vitest';
import { initializeNetwork, orthogonalMatrix } from '../../src/learner/orthogonal.js';
import { PhiloxGenerator } from '../../src/philox.js';
import { networkTensorShapes, splitTensors, totalSize } from '../../src/policy/actor.js';

/** M Mᵀ where rows ≤ columns, else Mᵀ M. */
function gram(matrix: ArrayLike<number>, rows: number, columns: number): number[][] {
	const n = Math.min(rows, columns);
	const at = (vector: number, i: number): number =>
		rows <= columns ? matrix[vector * columns + i]! : matrix[i * columns + vector]!;
	return Array.from({ length: n }, (_, a) =>
		Array.from({ length: n }, (_, b) => {
			let dot = 0;
			for (let i = 0; i < Math.max(rows, columns); i++) dot += at(a, i) * at(b, i);
			return dot;
		}),
	);
}

describe('orthogonal initialisation', () => {
	it.each([
		[5, 5],
		[23, 64],
		[64, 9],
		[1, 4],
		[128, 128],
	])('%i × %i: the shorter side is orthogonal with norm = gain', (rows, columns) => {
		const matrix = orthogonalMatrix(rows, columns, 3, new PhiloxGenerator(1, 'policy'));
		gram(matrix, rows, columns).forEach((row, a) => {
			row.forEach((dot, b) => {
				expect(dot).toBeCloseTo(a === b ? 9 : 0, 10);
			});
		});
	});

	it('gives each layer its gain and biases of 0', () => {
		for (const network of ['feed-forward', 'recurrent'] as const) {
			const shapes = networkTensorShapes('actor', network, 7, 16, 5);
			const flat = new Float32Array(totalSize(shapes)).fill(99);
			initializeNetwork(shapes, 0.01, 4, 0, flat);
			for (const { name, shape, data } of splitTensors(shapes, flat)) {
				const [rows, columns] = shape;
				if (columns === undefined) {
					expect([...data].every((x) => x === 0)).toBe(true);
					continue;
				}
				const gates = name.includes('gru') ? 3 : 1;
				const gain = gates === 3 ? 1 : name.includes('output') ? 0.01 : Math.SQRT2;
				for (let gate = 0; gate < gates; gate++) {
					const width = columns / gates;
					const block = Array.from({ length: rows! * width }, (_, i) => {
						return data[Math.floor(i / width) * columns + gate * width + (i % width)]!;
					});
					gram(block, rows!, width).forEach((row, a) => {
						row.forEach((dot, b) => {
							expect(dot / gain ** 2).toBeCloseTo(a === b ? 1 : 0, 5);
						});
					});
				}
			}
		}
	});

	it('depends on the seed and the sub-sequence', () => {
		const shapes = networkTensorShapes('actor', 'feed-forward', 7, 16, 5);
		const make = (seed: number, sub: number): Float32Array => {
			const flat = new Float32Array(totalSize(shapes));
			initializeNetwork(shapes, 1, seed, sub, flat);
			return flat;
		};
		expect(make(1, 0)).toEqual(make(1, 0));
		expect(make(1, 0)).not.toEqual(make(1, 1));
		expect(make(1, 0)).not.toEqual(make(2, 0));
	});
});

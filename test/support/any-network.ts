import fc from 'fast-check';
import { inferShapes } from '../../src/networks/shapes.js';
import type { LayerSpec, NetworkSpec } from '../../src/networks/spec.js';

/** Small networks of three classes that fit: every layer type in any order. */

const layer: fc.Arbitrary<LayerSpec> = fc.oneof(
	fc.record({
		type: fc.constant('conv' as const),
		filters: fc.constantFrom(1, 3, 8, 16, 17, 32),
		kernelSize: fc.constantFrom(1 as const, 3 as const, 5 as const),
		stride: fc.constantFrom(1 as const, 2 as const),
		padding: fc.constantFrom('same' as const, 'valid' as const),
		activation: fc.constantFrom('linear' as const, 'tanh' as const),
	}),
	fc.record({
		type: fc.constantFrom('max-pool' as const, 'average-pool' as const),
		size: fc.constantFrom(2 as const, 3 as const, 4 as const, 5 as const),
		stride: fc.constantFrom(1 as const, 2 as const, 3 as const),
		padding: fc.constantFrom('same' as const, 'valid' as const),
	}),
	fc.constant<LayerSpec>({ type: 'global-average-pool' }),
	fc.constant<LayerSpec>({ type: 'dropout', rate: 0.4 }),
);
const dense = fc.record({
	type: fc.constant('dense' as const),
	units: fc.integer({ min: 1, max: 40 }),
	activation: fc.constantFrom('linear' as const, 'tanh' as const),
});
export const anyNetwork: fc.Arbitrary<NetworkSpec> = fc
	.record({
		input: fc.tuple(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 10 }), fc.constantFrom(1, 2, 3, 16)),
		images: fc.array(layer, { maxLength: 4 }),
		vectors: fc.array(fc.oneof(dense, fc.constant<LayerSpec>({ type: 'dropout', rate: 0.2 })), { maxLength: 2 }),
	})
	.map(
		({ input, images, vectors }): NetworkSpec => ({
			input,
			layers: [...images, ...vectors, { type: 'dense', units: 3 }],
		}),
	)
	.filter((spec) => {
		try {
			inferShapes(spec);
			return true;
		} catch {
			return false;
		}
	});

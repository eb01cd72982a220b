import fc from 'fast-check';
import { inferShapes } from '../../src/networks/shapes.js';
import type { LayerSpec, NetworkSpec, ResidualBodySpec } from '../../src/networks/spec.js';

/** Small networks of three classes that fit: every layer type in any order. */

const activation = fc.constantFrom('linear' as const, 'tanh' as const);
const conv = fc.record({
	type: fc.constant('conv' as const),
	filters: fc.constantFrom(1, 3, 8, 16, 17, 32),
	kernelSize: fc.constantFrom(1 as const, 3 as const, 5 as const),
	stride: fc.constantFrom(1 as const, 2 as const),
	padding: fc.constantFrom('same' as const, 'valid' as const),
	activation,
});
const pool = fc.record({
	type: fc.constantFrom('max-pool' as const, 'average-pool' as const),
	size: fc.constantFrom(2 as const, 3 as const, 4 as const, 5 as const),
	stride: fc.constantFrom(1 as const, 2 as const, 3 as const),
	padding: fc.constantFrom('same' as const, 'valid' as const),
});
const norm = fc.record({
	type: fc.constant('batch-norm' as const),
	// Small batches of few pixels may have hardly any variance: with a large epsilon float32 keeps its digits.
	epsilon: fc.constantFrom(0.01, 0.5),
	activation,
});
const dense = fc.record({
	type: fc.constant('dense' as const),
	units: fc.integer({ min: 1, max: 40 }),
	activation,
});

/** A layer, with its activation moved behind a batch norm. */
function normalized<T extends { readonly activation: 'linear' | 'tanh' }>(
	layer: T,
	after: { readonly type: 'batch-norm'; readonly epsilon: number; readonly activation: 'linear' | 'tanh' },
) {
	return [{ ...layer, activation: 'linear' as const }, after] as const;
}
const body: fc.Arbitrary<ResidualBodySpec[]> = fc
	.array(
		fc.oneof(
			conv.map((layer): ResidualBodySpec[] => [layer]),
			fc.tuple(conv, norm).map(([layer, after]): ResidualBodySpec[] => [...normalized(layer, after)]),
			pool.map((layer): ResidualBodySpec[] => [layer]),
			fc.constant<ResidualBodySpec[]>([{ type: 'dropout', rate: 0.3 }]),
		),
		{ minLength: 1, maxLength: 3 },
	)
	.map((parts) => parts.flat());
const residual: fc.Arbitrary<LayerSpec[]> = fc
	.record({ layers: body, projection: fc.boolean(), keeps: fc.boolean(), activation })
	.map(({ layers, projection, keeps, activation: after }): LayerSpec[] => {
		// Often a block that fits: one that keeps the shape behind a convolution that makes it.
		const kept = layers.map((layer) =>
			layer.type === 'conv'
				? { ...layer, filters: 8, stride: 1 as const, padding: 'same' as const }
				: layer.type === 'max-pool' || layer.type === 'average-pool'
					? { ...layer, stride: 1 as const, padding: 'same' as const }
					: layer,
		);
		const block: LayerSpec = {
			type: 'residual',
			layers: keeps ? kept : layers,
			shortcut: projection ? 'projection' : 'identity',
			activation: after,
		};
		return keeps ? [{ type: 'conv', filters: 8, kernelSize: 3, activation: 'tanh' }, block] : [block];
	});
const images: fc.Arbitrary<LayerSpec[]> = fc.oneof(
	conv.map((layer): LayerSpec[] => [layer]),
	fc.tuple(conv, norm).map(([layer, after]): LayerSpec[] => [...normalized(layer, after)]),
	residual,
	pool.map((layer): LayerSpec[] => [layer]),
	fc.constant<LayerSpec[]>([{ type: 'global-average-pool' }]),
	fc.constant<LayerSpec[]>([{ type: 'dropout', rate: 0.4 }]),
);
const vectors: fc.Arbitrary<LayerSpec[]> = fc.oneof(
	dense.map((layer): LayerSpec[] => [layer]),
	fc.tuple(dense, norm).map(([layer, after]): LayerSpec[] => [...normalized(layer, after)]),
	fc.constant<LayerSpec[]>([{ type: 'dropout', rate: 0.2 }]),
);
export const anyNetwork: fc.Arbitrary<NetworkSpec> = fc
	.record({
		input: fc.tuple(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 10 }), fc.constantFrom(1, 2, 3, 16)),
		images: fc.array(images, { maxLength: 4 }),
		vectors: fc.array(vectors, { maxLength: 2 }),
	})
	.map(
		(parts): NetworkSpec => ({
			input: parts.input,
			layers: [...parts.images.flat(), ...parts.vectors.flat(), { type: 'dense', units: 3 }],
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

/** Those without batch norm and residual blocks, where no division by a small deviation makes much of rounding. */
export const anyChain: fc.Arbitrary<NetworkSpec> = anyNetwork.filter(({ layers }) =>
	layers.every(({ type }) => type !== 'batch-norm' && type !== 'residual'),
);

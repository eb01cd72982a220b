import { z } from 'zod';
import type { LayerSpec } from '../networks/spec.js';

/** `NetworkFamily` as a config states it. */

const units = z.int().min(1).max(65_536);
const range = z
	.tuple([units, units])
	.refine(([low, high]) => low <= high, 'the first number must not be above the second');
const sizes = z.int().min(0).max(64);
const depth = z
	.tuple([sizes, sizes])
	.refine(([low, high]) => low <= high, 'the first number must not be above the second');
const one = z.enum(['relu', 'tanh']);
/** Of the hidden layers; a list: each network draws one. */
const activation = z.union([one, z.array(one).min(1)]).optional();

const layer: z.ZodType<LayerSpec, LayerSpec> = z.custom<LayerSpec>(
	(value) => typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string',
	'a layer of docs/library.md',
);

export const networkFamilySchema = z.union([
	/** Fully connected, these widths. */
	z.strictObject({ type: z.literal('mlp'), hidden: z.array(units).max(64), activation }),
	/** Fully connected: hidden layers and their widths drawn from ranges, the widths log-uniformly. */
	z.strictObject({ type: z.literal('mlp'), depth, width: range, activation }),
	/** Convolutions 3×3, each followed by 2×2 max pooling, then dense layers. */
	z.strictObject({
		type: z.literal('cnn'),
		filters: z.array(units).min(1).max(16),
		hidden: z.array(units).max(64),
		activation,
	}),
	/** The same with everything drawn from ranges. */
	z.strictObject({
		type: z.literal('cnn'),
		convolutions: z
			.tuple([z.int().min(1).max(16), z.int().min(1).max(16)])
			.refine(([low, high]) => low <= high, 'the first number must not be above the second'),
		filters: range,
		depth,
		width: range,
		activation,
	}),
	/** Residual networks for CIFAR-10 (He et al. 2016): three stages of so many blocks, the first so wide. */
	z.strictObject({
		type: z.literal('residual'),
		blocks: z.int().min(1).max(32),
		width: z.int().min(1).max(1024),
	}),
	/** Any layers; the classifier is added. */
	z.strictObject({ type: z.literal('layers'), layers: z.array(layer).max(256) }),
]);

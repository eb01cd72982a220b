import { z } from 'zod';
import type { LayerSpec } from '../networks/spec.js';

/** `NetworkFamily` as a config states it. */

/** `[low, high]` */
function ascending(bound: z.ZodNumber | z.ZodInt) {
	return z.tuple([bound, bound]).refine(([low, high]) => low <= high, 'the first number must not be above the second');
}

const units = z.int().min(1).max(65_536);
const range = ascending(units);
const depth = ascending(z.int().min(0).max(64));
const blocks = z.int().min(1).max(32);
const residualWidth = z.int().min(1).max(1024);
const one = z.enum(['relu', 'tanh']);
/** Of the hidden layers; a list: each network draws one. */
const activation = z.union([one, z.array(one).min(1)]).optional();

const layer: z.ZodType<LayerSpec, LayerSpec> = z.custom<LayerSpec>(
	(value) => typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string',
	'a layer of docs/networks.md',
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
		convolutions: ascending(z.int().min(1).max(16)),
		filters: range,
		depth,
		width: range,
		activation,
	}),
	/** Residual networks for CIFAR-10 (He et al. 2016): three stages of so many blocks, the first so wide; numbers or ranges. */
	z.strictObject({
		type: z.literal('residual'),
		blocks: z.union([blocks, ascending(blocks)]),
		width: z.union([residualWidth, ascending(residualWidth)]),
	}),
	/** Any layers; the classifier is added. */
	z.strictObject({ type: z.literal('layers'), layers: z.array(layer).max(256) }),
]);

import { z } from 'zod';
import { cnn, mlp, residual } from '../networks/builders.js';
import type { LayerSpec, NetworkSpec } from '../networks/spec.js';
import type { PhiloxGenerator } from '../philox.js';
import { ascending, type SettingsOf } from '../settings/setting-fields.js';

/** Low and high end, both included. */
export type Range = readonly [low: number, high: number];

const units = z.int().min(1).max(65_536);
const depth = ascending(z.int().min(0).max(64));
const blocks = z.int().min(1).max(32);
const residualWidth = z.int().min(1).max(1024);
const one = z.enum(['relu', 'tanh']);
/** Of the hidden layers: one of them, or a list that each network draws one of. */
const activation = z.union([one, z.array(one).min(1)]).optional();

/** The layers themselves are the population's to check. */
const layer = z.looseObject({ type: z.string() }) as unknown as z.ZodType<LayerSpec, LayerSpec>;

/** Child networks to draw from; the classifier, a dense layer with a unit a class, is added to each. */
export const networkFamilySchema = z.union([
	/** Fully connected, of these widths. */
	z.strictObject({ type: z.literal('mlp'), hidden: z.array(units).max(64), activation }),
	/** Fully connected: the number of hidden layers uniform, each width log-uniform in its range. */
	z.strictObject({ type: z.literal('mlp'), depth, width: ascending(units), activation }),
	/** Convolutions 3×3, each followed by 2×2 max pooling, then dense layers. */
	z.strictObject({
		type: z.literal('cnn'),
		filters: z.array(units).min(1).max(16),
		hidden: z.array(units).max(64),
		activation,
	}),
	/**
	 * The same with everything drawn: the number of convolutions uniform, their filters log-uniform and in ascending order; then dense
	 * layers as in a fully connected family. A 2×2 max pooling follows each convolution while the image has 4×4 pixels or more.
	 */
	z.strictObject({
		type: z.literal('cnn'),
		convolutions: ascending(z.int().min(1).max(16)),
		filters: ascending(units),
		depth,
		width: ascending(units),
		activation,
	}),
	/** The residual networks for CIFAR-10 of He et al. 2016: three stages of so many blocks, the first so wide; numbers or ranges. */
	z.strictObject({
		type: z.literal('residual'),
		blocks: z.union([blocks, ascending(blocks)]),
		width: z.union([residualWidth, ascending(residualWidth)]),
	}),
	/** Just these layers. */
	z.strictObject({ type: z.literal('layers'), layers: z.array(layer).max(256) }),
]);

export type NetworkFamily = SettingsOf<typeof networkFamilySchema>;

/** Whether a family still has something to draw from. */
export function isOpen(network: NetworkFamily): boolean {
	const ranges =
		network.type === 'residual' ? Array.isArray(network.blocks) || Array.isArray(network.width) : 'depth' in network;
	return ranges || ('activation' in network && Array.isArray(network.activation));
}

/** The shape of a data set: the input of its networks, and their classes. A `Dataset` has both. */
export interface DatasetShape {
	readonly shape: readonly [height: number, width: number, channels: number];
	readonly classes: number;
}

/** Draws a network of the family; what the family fixes takes no draw from `generator`. */
export function drawNetwork(family: NetworkFamily, dataset: DatasetShape, generator: PhiloxGenerator): NetworkSpec {
	const { shape: input, classes } = dataset;
	if (family.type === 'layers') return { input, layers: [...family.layers, { type: 'dense', units: classes }] };
	if (family.type === 'residual') {
		const { blocks, width } = family;
		return residual({
			input,
			classes,
			blocks: typeof blocks === 'number' ? blocks : drawCount(blocks, generator),
			width: typeof width === 'number' ? width : drawSize(width, generator),
		});
	}
	const activation = drawActivation(family.activation, generator);
	if (family.type === 'mlp') {
		const hidden = 'hidden' in family ? family.hidden : drawSizes(family.depth, family.width, generator);
		return mlp({ input, hidden, classes, activation });
	}
	if ('convolutions' in family) return drawConvolutional(family, dataset, activation, generator);
	return cnn({ input, filters: family.filters, hidden: family.hidden, classes, activation });
}

function drawActivation(
	choices: 'relu' | 'tanh' | readonly ('relu' | 'tanh')[] = 'relu',
	generator: PhiloxGenerator,
): 'relu' | 'tanh' {
	if (typeof choices === 'string') return choices;
	return choices[generator.nextInteger(choices.length)] as 'relu' | 'tanh';
}

/** Smallest edge of an image that is still pooled. */
const SMALLEST_POOLED = 4;

function drawConvolutional(
	family: Extract<NetworkFamily, { convolutions: Range }>,
	{ shape: input, classes }: DatasetShape,
	activation: 'relu' | 'tanh',
	generator: PhiloxGenerator,
): NetworkSpec {
	let edge = Math.min(input[0], input[1]);
	const filters = drawSizes(family.convolutions, family.filters, generator).toSorted((a, b) => a - b);
	const images = filters.flatMap((count): LayerSpec[] => {
		const convolution: LayerSpec = { type: 'conv', filters: count, kernelSize: 3, activation };
		if (edge < SMALLEST_POOLED) return [convolution];
		edge = Math.floor(edge / 2);
		return [convolution, { type: 'max-pool', size: 2 }];
	});
	const hidden = drawSizes(family.depth, family.width, generator);
	const { layers } = mlp({ input, hidden, classes, activation });
	return { input, layers: [...images, ...layers] };
}

/** A uniform number of sizes, each log-uniform in its range. */
function drawSizes(count: Range, size: Range, generator: PhiloxGenerator): number[] {
	return Array.from({ length: drawCount(count, generator) }, () => drawSize(size, generator));
}

function drawCount([low, high]: Range, generator: PhiloxGenerator): number {
	return low + generator.nextInteger(high - low + 1);
}

function drawSize([low, high]: Range, generator: PhiloxGenerator): number {
	return Math.round(Math.exp(generator.uniform(Math.log(low), Math.log(high))));
}

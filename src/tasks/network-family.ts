import { checkInteger, checkKeys, checkOneOf, invalidArgument } from '../arguments.js';
import { cnn, mlp, residual } from '../networks/builders.js';
import type { LayerSpec, NetworkSpec } from '../networks/spec.js';
import type { PhiloxGenerator } from '../philox.js';

/** Low and high end, both included. */
export type Range = readonly [low: number, high: number];

/** One of them, or a list that each network draws one of. */
export type Activations = 'relu' | 'tanh' | readonly ('relu' | 'tanh')[];

/** Child networks to draw from; the classifier, a dense layer with a unit a class, is added to each. */
export type NetworkFamily =
	/** Fully connected, of these widths. */
	| { readonly type: 'mlp'; readonly hidden: readonly number[]; readonly activation?: Activations }
	/** Fully connected: the number of hidden layers uniform, each width log-uniform in its range. */
	| { readonly type: 'mlp'; readonly depth: Range; readonly width: Range; readonly activation?: Activations }
	/** Convolutions 3×3, each followed by 2×2 max pooling, then dense layers. */
	| {
			readonly type: 'cnn';
			readonly filters: readonly number[];
			readonly hidden: readonly number[];
			readonly activation?: Activations;
	  }
	/**
	 * The same with everything drawn: the number of convolutions uniform, their filters log-uniform and in ascending order; then dense
	 * layers as in a fully connected family. A 2×2 max pooling follows each convolution while the image has 4×4 pixels or more.
	 */
	| {
			readonly type: 'cnn';
			readonly convolutions: Range;
			readonly filters: Range;
			readonly depth: Range;
			readonly width: Range;
			readonly activation?: Activations;
	  }
	/** The residual networks for CIFAR-10 of He et al. 2016: three stages of so many blocks, the first so wide; ranges as in the others. */
	| { readonly type: 'residual'; readonly blocks: number | Range; readonly width: number | Range }
	/** Just these layers. */
	| { readonly type: 'layers'; readonly layers: readonly LayerSpec[] };

/** What of a data set decides a network's first and last shape. */
export interface NetworkEnds {
	readonly shape: readonly [height: number, width: number, channels: number];
	readonly classes: number;
}

/** A network of the family. Draws from `generator` only what the family leaves open. */
export function drawNetwork(family: NetworkFamily, ends: NetworkEnds, generator: PhiloxGenerator): NetworkSpec {
	const { shape: input, classes } = ends;
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
	if ('convolutions' in family) return drawConvolutional(family, ends, activation, generator);
	return cnn({ input, filters: family.filters, hidden: family.hidden, classes, activation });
}

function drawActivation(choices: Activations = 'relu', generator: PhiloxGenerator): 'relu' | 'tanh' {
	if (typeof choices === 'string') return choices;
	return choices[generator.nextInteger(choices.length)] as 'relu' | 'tanh';
}

/** Smallest edge of an image that is still pooled. */
const SMALLEST_POOLED = 4;

function drawConvolutional(
	family: Extract<NetworkFamily, { convolutions: Range }>,
	{ shape: input, classes }: NetworkEnds,
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

/** As many sizes as `count` allows, each log-uniform in its range. */
function drawSizes(count: Range, size: Range, generator: PhiloxGenerator): number[] {
	return Array.from({ length: drawCount(count, generator) }, () => drawSize(size, generator));
}

function drawCount([low, high]: Range, generator: PhiloxGenerator): number {
	return low + generator.nextInteger(high - low + 1);
}

function drawSize([low, high]: Range, generator: PhiloxGenerator): number {
	return Math.round(Math.exp(generator.uniform(Math.log(low), Math.log(high))));
}

/** What may be said of a family of this kind: all fixed, or all drawn. */
function familyKeys(family: NetworkFamily): readonly string[] {
	if (family.type === 'layers') return ['type', 'layers'];
	if (family.type === 'residual') return ['type', 'blocks', 'width'];
	const sizes = 'depth' in family ? ['depth', 'width'] : ['hidden'];
	const convolutional = family.type === 'mlp' ? [] : 'depth' in family ? ['convolutions', 'filters'] : ['filters'];
	return ['type', ...convolutional, ...sizes, 'activation'];
}

/** @throws GannoError `INVALID_ARGUMENT` naming what of the family is wrong; the layers themselves are the population's to check */
export function checkNetworkFamily(family: NetworkFamily, name: string): void {
	checkOneOf(family?.type, `${name}.type`, ['mlp', 'cnn', 'residual', 'layers']);
	checkKeys(family, name, familyKeys(family));
	if (family.type === 'layers') {
		checkList(family.layers, `${name}.layers`);
		return;
	}
	if (family.type === 'residual') {
		for (const [key, high] of [
			['blocks', 32],
			['width', 1024],
		] as const) {
			const value = family[key];
			if (typeof value === 'number') checkInteger(value, `${name}.${key}`, 1, high);
			else checkRange(value, `${name}.${key}`, 1, high);
		}
		return;
	}
	checkActivations(family.activation, `${name}.activation`);
	const drawn = 'depth' in family;
	if (drawn) {
		checkRange(family.depth, `${name}.depth`, 0, 64);
		checkRange(family.width, `${name}.width`, 1, 65_536);
	} else {
		checkWidths(family.hidden, `${name}.hidden`);
	}
	if (family.type === 'mlp') return;
	if (!drawn) {
		checkWidths(family.filters, `${name}.filters`);
		return;
	}
	checkRange(family.convolutions, `${name}.convolutions`, 1, 16);
	checkRange(family.filters, `${name}.filters`, 1, 65_536);
}

function checkActivations(activations: Activations | undefined, name: string): void {
	if (activations === undefined) return;
	const list = typeof activations === 'string' ? [activations] : activations;
	if (!Array.isArray(list) || list.length === 0) throw invalidArgument("'relu', 'tanh' or a list of them", name, list);
	for (const one of list) checkOneOf(one, name, ['relu', 'tanh']);
}

function checkList(list: readonly unknown[], name: string): void {
	if (!Array.isArray(list)) throw invalidArgument('an array', name, list);
}

function checkWidths(widths: readonly number[], name: string): void {
	checkList(widths, name);
	for (const [i, width] of widths.entries()) checkInteger(width, `${name}[${i}]`, 1, 65_536);
}

function checkRange(range: Range, name: string, low: number, high: number): void {
	checkList(range, name);
	checkInteger(range[0], `${name}[0]`, low, high);
	checkInteger(range[1], `${name}[1]`, range[0], high);
}

import { checkInteger, checkOneOf, invalidArgument } from '../arguments.js';
import { cnn, mlp } from '../networks/builders.js';
import type { LayerSpec, NetworkSpec } from '../networks/spec.js';
import type { PhiloxGenerator } from '../philox.js';

/** Low and high end, both included. */
export type Range = readonly [low: number, high: number];

/** Child networks to draw from; the classifier, a dense layer with a unit a class, is added to each. */
export type NetworkFamily =
	/** Fully connected, of these widths. */
	| { readonly type: 'mlp'; readonly hidden: readonly number[]; readonly activation?: 'relu' | 'tanh' }
	/** Fully connected: the number of hidden layers uniform, each width log-uniform in its range. */
	| { readonly type: 'mlp'; readonly depth: Range; readonly width: Range; readonly activation?: 'relu' | 'tanh' }
	/** Convolutions 3×3, each followed by 2×2 max pooling, then dense layers. */
	| {
			readonly type: 'cnn';
			readonly filters: readonly number[];
			readonly hidden: readonly number[];
			readonly activation?: 'relu' | 'tanh';
	  }
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
	const activation = family.activation ?? 'relu';
	if (family.type === 'cnn') {
		return cnn({ input, filters: family.filters, hidden: family.hidden, classes, activation });
	}
	return mlp({
		input,
		hidden: 'hidden' in family ? family.hidden : drawWidths(family, generator),
		classes,
		activation,
	});
}

function drawWidths({ depth, width }: { depth: Range; width: Range }, generator: PhiloxGenerator): number[] {
	const layers = depth[0] + generator.nextInteger(depth[1] - depth[0] + 1);
	return Array.from({ length: layers }, () =>
		Math.round(Math.exp(generator.uniform(Math.log(width[0]), Math.log(width[1])))),
	);
}

/** @throws GannoError `INVALID_ARGUMENT` naming what of the family is wrong; the layers themselves are the population's to check */
export function checkNetworkFamily(family: NetworkFamily, name: string): void {
	checkOneOf(family?.type, `${name}.type`, ['mlp', 'cnn', 'layers']);
	if (family.type === 'layers') {
		checkList(family.layers, `${name}.layers`);
		return;
	}
	if (family.type === 'mlp' && 'depth' in family) {
		checkRange(family.depth, `${name}.depth`, 0, 64);
		checkRange(family.width, `${name}.width`, 1, 65_536);
		return;
	}
	checkWidths(family.hidden, `${name}.hidden`);
	if (family.type === 'cnn') checkWidths(family.filters, `${name}.filters`);
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

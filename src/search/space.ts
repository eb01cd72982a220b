import { checkInteger, checkKeys, checkOneOf, invalidArgument, keysOf } from '../arguments.js';

/**
 * The state space of MetaQNN (Baker et al. 2017, "Designing neural network architectures using reinforcement learning", section 4.1):
 * a network is built layer by layer, and a state is the last layer with its depth and the size of what it puts out.
 */

/** `strict`: a window must be smaller than the bucketed size, as in the authors' code; `inclusive`: or as large, as in the paper. */
export const FITS = ['strict', 'inclusive'] as const;
export type Fit = (typeof FITS)[number];

/** Limits of a search space. Lists hold distinct values; their order is that of the actions. */
export interface SpaceLimits {
	/** Layers before the softmax; global average pooling is one. */
	readonly maximumDepth: number;
	readonly filters: readonly number[];
	readonly kernelSizes: readonly number[];
	/** Of convolutions, which keep rows and columns ('same' padding) at stride 1. */
	readonly strides: readonly number[];
	/** Max pooling windows: size, stride. */
	readonly pools: readonly (readonly [size: number, stride: number])[];
	/** Whether the input may be pooled (the authors' code: no). */
	readonly initialPooling: boolean;
	/** Whether pooling may follow pooling (the authors' code: no). */
	readonly consecutivePooling: boolean;
	readonly denseUnits: readonly number[];
	/** Dense layers in a row, none with more units than the one before it. */
	readonly maximumDense: number;
	/** Largest bucket that a dense layer may follow. */
	readonly denseMaximumSize: number;
	readonly globalAveragePooling: boolean;
	/** Representation sizes count as the largest of these that they reach: 8, 4, 1 tells above 7, 4 to 7, and below. The smallest is 1. */
	readonly sizeBuckets: readonly number[];
	readonly fit: Fit;
}

export interface SearchSpace extends SpaceLimits {
	/** Rows, and columns, of the images. */
	readonly imageSize: number;
}

/** A layer of an architecture; `softmax` ends it. */
export type SearchLayer =
	| { readonly type: 'conv'; readonly filters: number; readonly kernelSize: number; readonly stride: number }
	| { readonly type: 'pool'; readonly size: number; readonly stride: number }
	| { readonly type: 'dense'; readonly units: number }
	| { readonly type: 'global-average-pool' }
	| { readonly type: 'softmax' };

export interface SearchState {
	/** The last layer; `undefined` at the input. */
	readonly layer: SearchLayer | undefined;
	/** Layers so far. */
	readonly depth: number;
	/** Rows of its output, not bucketed; 1 after a dense layer or global average pooling. */
	readonly size: number;
	/** Dense layers at the end. */
	readonly denseCount: number;
}

/** The limits of the paper but for depth: tables 1 and 2 and the authors' configurations. */
export const PAPER_LIMITS: SpaceLimits = {
	maximumDepth: 18,
	filters: [64, 128, 256, 512],
	kernelSizes: [1, 3, 5],
	strides: [1],
	pools: [
		[5, 3],
		[3, 2],
		[2, 2],
	],
	initialPooling: false,
	consecutivePooling: false,
	denseUnits: [512, 256, 128],
	maximumDense: 2,
	denseMaximumSize: 4,
	globalAveragePooling: true,
	sizeBuckets: [8, 4, 1],
	fit: 'strict',
};

const SPACE_KEYS = keysOf<SearchSpace>({
	imageSize: true,
	maximumDepth: true,
	filters: true,
	kernelSizes: true,
	strides: true,
	pools: true,
	initialPooling: true,
	consecutivePooling: true,
	denseUnits: true,
	maximumDense: true,
	denseMaximumSize: true,
	globalAveragePooling: true,
	sizeBuckets: true,
	fit: true,
});

/**
 * Checks limits against each other and against what networks can be made of.
 * @throws GannoError `INVALID_ARGUMENT`
 */
export function checkSpace(space: SearchSpace): SearchSpace {
	checkKeys(space, 'space', SPACE_KEYS);
	checkInteger(space.imageSize, 'imageSize', 1, 4096);
	checkInteger(space.maximumDepth, 'maximumDepth', 0, 120);
	checkDistinct(space.filters, 'filters', 1, 2 ** 16);
	checkDistinct(space.kernelSizes, 'kernelSizes', 1, 5);
	for (const kernelSize of space.kernelSizes) {
		if (kernelSize % 2 === 0) throw invalidArgument('1, 3 or 5', 'kernelSizes', kernelSize);
	}
	checkDistinct(space.strides, 'strides', 1, 2);
	if (!Array.isArray(space.pools)) throw invalidArgument('a list of [size, stride]', 'pools', space.pools);
	for (const [i, pool] of space.pools.entries()) {
		if (!Array.isArray(pool) || pool.length !== 2) throw invalidArgument('[size, stride]', `pools[${i}]`, pool);
		checkInteger(pool[0], `pools[${i}][0]`, 2, 5);
		checkInteger(pool[1], `pools[${i}][1]`, 1, 3);
	}
	if (new Set(space.pools.map(String)).size < space.pools.length) {
		throw invalidArgument('distinct windows', 'pools', JSON.stringify(space.pools));
	}
	checkDistinct(space.denseUnits, 'denseUnits', 1, 2 ** 16);
	checkInteger(space.maximumDense, 'maximumDense', 0, 60);
	checkInteger(space.denseMaximumSize, 'denseMaximumSize', 1, 4096);
	checkDistinct(space.sizeBuckets, 'sizeBuckets', 1, 4096);
	if (!space.sizeBuckets.includes(1)) {
		throw invalidArgument('a list that 1 is in, for the smallest sizes,', 'sizeBuckets', String(space.sizeBuckets));
	}
	for (const key of ['initialPooling', 'consecutivePooling', 'globalAveragePooling'] as const) {
		if (typeof space[key] !== 'boolean') throw invalidArgument('true or false', key, space[key]);
	}
	checkOneOf(space.fit, 'fit', FITS);
	return space;
}

function checkDistinct(values: readonly number[], name: string, low: number, high: number): void {
	if (!Array.isArray(values)) throw invalidArgument('a list of integers', name, values);
	for (const [i, value] of values.entries()) checkInteger(value, `${name}[${i}]`, low, high);
	if (new Set(values).size < values.length) throw invalidArgument('distinct integers', name, values.join(', '));
}

export function startState(space: SearchSpace): SearchState {
	return { layer: undefined, depth: 0, size: space.imageSize, denseCount: 0 };
}

/** The bucket of a representation size: the largest that it reaches. */
export function bucketOf(space: SpaceLimits, size: number): number {
	let largest = 1;
	for (const bucket of space.sizeBuckets) if (bucket <= size && bucket > largest) largest = bucket;
	return largest;
}

/** Whether a window fits a representation of a bucketed size. */
export function windowFits(space: SpaceLimits, window: number, bucket: number): boolean {
	return space.fit === 'strict' ? window < bucket : window <= bucket;
}

/**
 * What may come next, always in the same order; empty once the softmax has come. Everything but the softmax needs a depth below the
 * limit; the softmax may follow anything, the input included.
 */
export function actionsOf(space: SearchSpace, state: SearchState): SearchLayer[] {
	const last = state.layer?.type;
	if (last === 'softmax') return [];
	const actions: SearchLayer[] = [{ type: 'softmax' }];
	if (last === 'global-average-pool' || state.depth >= space.maximumDepth) return actions;
	if (last === 'dense') {
		if (state.denseCount >= space.maximumDense) return actions;
		const { units: most } = state.layer as { units: number };
		return [...actions, ...denseLayers(space, most)];
	}
	const bucket = bucketOf(space, state.size);
	for (const filters of space.filters) {
		for (const kernelSize of space.kernelSizes) {
			if (!windowFits(space, kernelSize, bucket)) continue;
			for (const stride of space.strides) actions.push({ type: 'conv', filters, kernelSize, stride });
		}
	}
	if (space.globalAveragePooling) actions.push({ type: 'global-average-pool' });
	const mayPool = last === 'conv' || (last === 'pool' ? space.consecutivePooling : space.initialPooling);
	for (const [size, stride] of mayPool ? space.pools : []) {
		if (windowFits(space, size, bucket)) actions.push({ type: 'pool', size, stride });
	}
	if (bucket <= space.denseMaximumSize && space.maximumDense > 0) actions.push(...denseLayers(space));
	return actions;
}

function denseLayers(space: SearchSpace, most = Number.POSITIVE_INFINITY): SearchLayer[] {
	return space.denseUnits.filter((units) => units <= most).map((units) => ({ type: 'dense', units }));
}

/** Where an action leads. It depends on the true size, which buckets do not tell: to an agent that sees buckets, transitions are random. */
export function nextState(state: SearchState, action: SearchLayer): SearchState {
	const depth = action.type === 'softmax' ? state.depth : state.depth + 1;
	const denseCount = action.type === 'dense' ? state.denseCount + 1 : 0;
	return { layer: action, depth, size: nextSize(state.size, action), denseCount };
}

function nextSize(size: number, action: SearchLayer): number {
	switch (action.type) {
		case 'conv':
			return Math.ceil(size / action.stride);
		case 'pool':
			return Math.ceil((size - action.size + 1) / action.stride);
		default:
			return 1;
	}
}

/** What the agent sees of a state, as a key: its layer, depth and bucketed size. */
export function stateKey(space: SearchSpace, state: SearchState): string {
	return [layerKey(state.layer), state.depth, bucketOf(space, state.size), state.denseCount].join(' ');
}

export function sameLayer(a: SearchLayer, b: SearchLayer): boolean {
	switch (a.type) {
		case 'conv':
			return b.type === 'conv' && a.filters === b.filters && a.kernelSize === b.kernelSize && a.stride === b.stride;
		case 'pool':
			return b.type === 'pool' && a.size === b.size && a.stride === b.stride;
		case 'dense':
			return b.type === 'dense' && a.units === b.units;
		default:
			return a.type === b.type;
	}
}

function layerKey(layer: SearchLayer | undefined): string {
	if (layer === undefined) return 'start';
	switch (layer.type) {
		case 'conv':
			return `conv ${layer.filters} ${layer.kernelSize} ${layer.stride}`;
		case 'pool':
			return `pool ${layer.size} ${layer.stride}`;
		case 'dense':
			return `dense ${layer.units}`;
		default:
			return layer.type;
	}
}

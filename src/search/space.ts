import { checkInteger, invalidArgument } from '../arguments.js';
import { checkSettings } from '../settings/check-settings.js';
import { type SpaceLimits, spaceSection } from './search-sections.js';

/**
 * The state space of MetaQNN (Baker et al. 2017, "Designing neural network architectures using reinforcement learning", section 4.1):
 * a network is built layer by layer, and a state is the last layer with its depth and the size of its output.
 */

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

/** The limits of the paper but for depth: the defaults of a search's config. */
export const PAPER_LIMITS: SpaceLimits = spaceSection.parse({});

/**
 * Checks limits against each other and against what networks support.
 * @throws GannoError `INVALID_ARGUMENT`
 */
export function checkSpace(space: SearchSpace): SearchSpace {
	const { kernelSizes, sizeBuckets } = checkSettings(spaceSection, space, 'space', { beside: ['imageSize'] });
	checkInteger(space.imageSize, 'imageSize', 1, 4096);
	const even = kernelSizes.find((size) => size % 2 === 0);
	if (even !== undefined) throw invalidArgument('1, 3 or 5', 'space.kernelSizes', even);
	for (const key of ['filters', 'kernelSizes', 'strides', 'pools', 'denseUnits', 'sizeBuckets'] as const) {
		if (!Array.isArray(space[key])) throw invalidArgument('a list', `space.${key}`, space[key]);
		const values = space[key].map(String);
		if (new Set(values).size < values.length)
			throw invalidArgument('distinct values', `space.${key}`, values.join(', '));
	}
	if (!sizeBuckets.includes(1)) {
		throw invalidArgument('a list that 1 is in, for the smallest sizes,', 'space.sizeBuckets', String(sizeBuckets));
	}
	return space;
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
 * The layers that may come next, always in the same order; empty after the softmax. Every layer except the softmax needs a depth below
 * the limit; the softmax may follow anything, the input included.
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

/** The state after an action. It depends on the true size, which buckets hide: for an agent that observes buckets, transitions are random. */
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

/** A state as the agent observes it, as a key: its layer, depth and bucketed size. */
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

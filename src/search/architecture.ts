import { invalidArgument } from '../arguments.js';
import { GannoError } from '../errors.js';
import {
	actionsOf,
	nextState,
	type SearchLayer,
	type SearchSpace,
	type SearchState,
	sameLayer,
	startState,
} from './space.js';

/** An architecture: its layers in order, the softmax last. */
export type Architecture = readonly SearchLayer[];

/** In the paper's notation: `C(128,3,1)-P(2,2)-FC(256)-SM`. */
export function formatArchitecture(layers: Architecture): string {
	return layers.map(formatLayer).join('-');
}

function formatLayer(layer: SearchLayer): string {
	switch (layer.type) {
		case 'conv':
			return `C(${layer.filters},${layer.kernelSize},${layer.stride})`;
		case 'pool':
			return `P(${layer.size},${layer.stride})`;
		case 'dense':
			return `FC(${layer.units})`;
		case 'global-average-pool':
			return 'GAP';
		case 'softmax':
			return 'SM';
	}
}

/** Minimum and maximum count of numbers in a layer's notation. */
const ARITIES: Readonly<Record<string, readonly [number, number]>> = {
	C: [2, 3],
	P: [2, 2],
	FC: [1, 1],
	GAP: [0, 1],
	SM: [0, 1],
};

/**
 * Reads the paper's notation: `C(filters,kernel,stride)` (stride 1 may be left out), `P(size,stride)`, `FC(units)`, `GAP`, `SM`, joined by
 * hyphens; `SM` comes last. The number of classes after `GAP` or `SM`, as the authors' code writes it, is ignored. Whether a search space
 * contains the architecture is checked by `architecturePath`.
 * @throws GannoError `INVALID_ARGUMENT` naming the layer
 */
export function parseArchitecture(text: string): Architecture {
	if (typeof text !== 'string') throw invalidArgument('a string such as C(128,3,1)-P(2,2)-SM', 'architecture', text);
	const parts = text.replaceAll(/\s/g, '').split('-');
	const layers = parts.map((part, i) => parseLayer(part, i));
	const end = layers.findIndex(({ type }) => type === 'softmax');
	if (end !== layers.length - 1) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			`Expected exactly one SM, at the end, in the architecture but received ${JSON.stringify(text)}`,
		);
	}
	return layers;
}

function parseLayer(text: string, position: number): SearchLayer {
	const [, name = '', , list = ''] = /^([A-Z]+)(\((\d{1,6}(?:,\d{1,6})*)\))?$/.exec(text) ?? [];
	const arity = ARITIES[name];
	const numbers = list === '' ? [] : list.split(',').map(Number);
	if (arity === undefined || numbers.length < arity[0] || numbers.length > arity[1] || numbers.includes(0)) {
		throw invalidArgument(
			'C(filters,kernel,stride), P(size,stride), FC(units), GAP or SM',
			`layer ${position + 1} of the architecture`,
			text,
		);
	}
	const [first = 0, second = 0, third = 1] = numbers;
	switch (name) {
		case 'C':
			return { type: 'conv', filters: first, kernelSize: second, stride: third };
		case 'P':
			return { type: 'pool', size: first, stride: second };
		case 'FC':
			return { type: 'dense', units: first };
		default:
			return { type: name === 'GAP' ? 'global-average-pool' : 'softmax' };
	}
}

/** An action taken in a state: `action` is its index in `actionsOf(space, state)`. */
export interface Step {
	readonly state: SearchState;
	readonly action: number;
}

/**
 * The path through a space that builds an architecture.
 * @throws GannoError `INVALID_ARGUMENT` naming the first layer that the space does not have there
 */
export function architecturePath(space: SearchSpace, layers: Architecture): Step[] {
	let state = startState(space);
	return layers.map((layer, position) => {
		const action = actionsOf(space, state).findIndex((candidate) => sameLayer(candidate, layer));
		if (action < 0) {
			const after = state.layer === undefined ? 'the input' : formatLayer(state.layer);
			throw new GannoError(
				'INVALID_ARGUMENT',
				`The search space has no ${formatLayer(layer)} as layer ${position + 1} of ${formatArchitecture(layers)}, after ${after} at ${state.size}×${state.size} and depth ${state.depth} of ${space.maximumDepth}`,
			);
		}
		const step = { state, action };
		state = nextState(state, layer);
		return step;
	});
}

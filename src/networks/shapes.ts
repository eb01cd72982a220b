import { checkInteger, checkNumber, checkOneOf, invalidArgument } from '../arguments.js';
import { GannoError } from '../errors.js';
import type { LayerSpec, NetworkSpec, TrainableLayer } from './spec.js';

/** Shapes of a network, layer by layer, and the checks that they fit. */

export type Shape = readonly [height: number, width: number, channels: number];

const ACTIVATIONS = ['linear', 'relu', 'tanh'] as const;
const INITIALIZERS = ['he-uniform', 'he-normal', 'xavier-uniform', 'xavier-normal'] as const;
const PADDINGS = ['same', 'valid'] as const;
const LAYER_TYPES = ['dense', 'conv', 'max-pool', 'average-pool', 'global-average-pool', 'dropout'] as const;

const FIELDS: Readonly<Record<LayerSpec['type'], readonly string[]>> = {
	dense: ['units', 'activation', 'initializer', 'name'],
	conv: ['filters', 'kernelSize', 'stride', 'padding', 'activation', 'initializer', 'name'],
	'max-pool': ['size', 'stride', 'padding'],
	'average-pool': ['size', 'stride', 'padding'],
	'global-average-pool': [],
	dropout: ['rate'],
};

/** Layers a network may have at most, and elements one layer's output or weights. */
const MAXIMUM_LAYERS = 200;
const MAXIMUM_ELEMENTS = 2 ** 28;

export interface NetworkShapes {
	/** Output shape of each layer of the specification; vectors are `[1, 1, n]`. */
	readonly outputs: readonly Shape[];
	/** The layers with weights, in order. */
	readonly layers: readonly TrainableLayer[];
	/** Elements of all of them. */
	readonly parameterCount: number;
}

function refuse(index: number, layer: LayerSpec, problem: string): never {
	throw new GannoError('INVALID_ARGUMENT', `Layer ${index} (${layer.type}) does not fit: ${problem}`);
}

function checkNumberOf(value: unknown, name: string, choices: readonly number[]): void {
	if (typeof value !== 'number' || !choices.includes(value)) {
		throw invalidArgument(`one of ${choices.join(', ')}`, name, value);
	}
}

function checkFields(layer: LayerSpec, path: string): void {
	checkOneOf(layer.type, `${path}.type`, LAYER_TYPES);
	for (const key of Object.keys(layer)) {
		if (key !== 'type' && !FIELDS[layer.type].includes(key)) {
			const known = FIELDS[layer.type].join(', ');
			throw new GannoError(
				'INVALID_ARGUMENT',
				`${path}.${key} means nothing for a ${layer.type} layer, which takes ${known === '' ? 'nothing else' : known}`,
			);
		}
	}
	switch (layer.type) {
		case 'dense':
		case 'conv':
			if (layer.type === 'dense') {
				checkInteger(layer.units, `${path}.units`, 1, 1 << 20);
			} else {
				checkInteger(layer.filters, `${path}.filters`, 1, 1 << 16);
				checkNumberOf(layer.kernelSize, `${path}.kernelSize`, [1, 3, 5]);
				if (layer.stride !== undefined) checkNumberOf(layer.stride, `${path}.stride`, [1, 2]);
				if (layer.padding !== undefined) checkOneOf(layer.padding, `${path}.padding`, PADDINGS);
			}
			if (layer.activation !== undefined) checkOneOf(layer.activation, `${path}.activation`, ACTIVATIONS);
			if (layer.initializer !== undefined) checkOneOf(layer.initializer, `${path}.initializer`, INITIALIZERS);
			if (layer.name !== undefined && (typeof layer.name !== 'string' || layer.name === '')) {
				throw invalidArgument('a non-empty string', `${path}.name`, layer.name);
			}
			break;
		case 'max-pool':
		case 'average-pool':
			checkNumberOf(layer.size, `${path}.size`, [2, 3, 4, 5]);
			if (layer.stride !== undefined) checkNumberOf(layer.stride, `${path}.stride`, [1, 2, 3]);
			if (layer.padding !== undefined) checkOneOf(layer.padding, `${path}.padding`, PADDINGS);
			break;
		case 'dropout':
			checkNumber(layer.rate, `${path}.rate`, 0, 1);
			if (layer.rate === 1) throw invalidArgument('a rate below 1', `${path}.rate`, layer.rate);
			break;
		case 'global-average-pool':
			break;
	}
}

/** Stride of a pooling layer: what the specification says, else the window's size, 3 at most. */
export function poolStride(layer: { readonly size: number; readonly stride?: number }): number {
	return layer.stride ?? Math.min(layer.size, 3);
}

/** Output edge of a window that slides: TensorFlow's SAME and VALID. */
function outputEdge(input: number, size: number, stride: number, padding: 'same' | 'valid'): number {
	return padding === 'same' ? Math.ceil(input / stride) : Math.floor((input - size) / stride) + 1;
}

function windowShape(
	index: number,
	layer: LayerSpec,
	from: Shape,
	size: number,
	stride: number,
	padding: 'same' | 'valid',
	channels: number,
): Shape {
	const height = outputEdge(from[0], size, stride, padding);
	const width = outputEdge(from[1], size, stride, padding);
	if (height < 1 || width < 1) {
		refuse(
			index,
			layer,
			`a ${size}×${size} window with '${padding}' padding needs at least ${size}×${size} pixels, but its input is ${from[0]}×${from[1]}. Use 'same' padding, or fewer or smaller strides before it`,
		);
	}
	return [height, width, channels];
}

/**
 * Checks a specification from end to end and works out every shape.
 * @throws GannoError `INVALID_ARGUMENT` naming the layer and the sizes that do not fit
 */
export function inferShapes(spec: NetworkSpec): NetworkShapes {
	if (typeof spec !== 'object' || spec === null) throw invalidArgument('a NetworkSpec', 'spec', spec);
	if (!Array.isArray(spec.input) || spec.input.length !== 3) {
		throw invalidArgument('[height, width, channels]', 'spec.input', spec.input);
	}
	for (const [i, name] of ['height', 'width', 'channels'].entries()) {
		checkInteger((spec.input as readonly unknown[])[i], `spec.input[${i}] (${name})`, 1, 4096);
	}
	if (!Array.isArray(spec.layers) || spec.layers.length === 0 || spec.layers.length > MAXIMUM_LAYERS) {
		throw invalidArgument(`an array of 1 to ${MAXIMUM_LAYERS} layers`, 'spec.layers', spec.layers);
	}
	const outputs: Shape[] = [];
	const layers: TrainableLayer[] = [];
	let shape: Shape = [spec.input[0], spec.input[1], spec.input[2]];
	let flattened = false;
	for (const [index, layer] of (spec.layers as readonly LayerSpec[]).entries()) {
		if (typeof layer !== 'object' || layer === null) throw invalidArgument('a layer', `spec.layers[${index}]`, layer);
		checkFields(layer, `spec.layers[${index}]`);
		const [height, width, channels] = shape;
		if (flattened && layer.type !== 'dense' && layer.type !== 'dropout') {
			refuse(index, layer, 'after a dense layer there are no rows and columns; put it before the first dense layer');
		}
		switch (layer.type) {
			case 'dense': {
				const inputs = height * width * channels;
				layers.push(trainable(layer, layers.length, [inputs, layer.units], layer.units));
				shape = [1, 1, layer.units];
				flattened = true;
				break;
			}
			case 'conv': {
				const { kernelSize, filters, stride = 1, padding = 'same' } = layer;
				shape = windowShape(index, layer, shape, kernelSize, stride, padding, filters);
				layers.push(trainable(layer, layers.length, [kernelSize, kernelSize, channels, filters], filters));
				break;
			}
			case 'max-pool':
			case 'average-pool':
				shape = windowShape(index, layer, shape, layer.size, poolStride(layer), layer.padding ?? 'valid', channels);
				break;
			case 'global-average-pool':
				shape = [1, 1, channels];
				break;
			case 'dropout':
				break;
		}
		const elements = Math.max(shape[0] * shape[1] * shape[2], layers.at(-1)?.size ?? 0);
		if (elements > MAXIMUM_ELEMENTS) refuse(index, layer, `it has ${elements} elements, ${MAXIMUM_ELEMENTS} at most`);
		outputs.push(shape);
	}
	const last = spec.layers.at(-1) as LayerSpec;
	if (last.type !== 'dense') {
		refuse(spec.layers.length - 1, last, 'the last layer must be a dense one whose units are the classes');
	}
	if (last.activation !== undefined && last.activation !== 'linear') {
		refuse(
			spec.layers.length - 1,
			last,
			`its activation is '${last.activation}', but softmax cross-entropy follows the last layer; leave activation out`,
		);
	}
	if (new Set(layers.map(({ name }) => name)).size !== layers.length) {
		throw new GannoError('INVALID_ARGUMENT', 'Two layers of the network have the same name; give each its own');
	}
	return { outputs, layers, parameterCount: layers.reduce((sum, { size }) => sum + size, 0) };
}

function trainable(
	layer: LayerSpec & { readonly type: 'dense' | 'conv' },
	ordinal: number,
	weightShape: readonly number[],
	biases: number,
): TrainableLayer {
	return {
		name: layer.name ?? `${layer.type}${ordinal + 1}`,
		type: layer.type,
		size: weightShape.reduce((product, edge) => product * edge, 1) + biases,
		weightShape,
		biasShape: [biases],
	};
}

/** Layer types, activations and initialisers in the order of the native enumerations (native/cpu/network/plan.h). */
export const NATIVE_ORDER = {
	types: LAYER_TYPES,
	activations: ACTIVATIONS,
	initializers: INITIALIZERS,
} as const;

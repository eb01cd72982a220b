import { checkInteger, checkKeys, invalidArgument, keysOf } from '../arguments.js';
import { counted } from '../counted.js';
import { GannoError } from '../errors.js';
import { checkLayerFields } from './layer-fields.js';
import type {
	Activation,
	ConvLayerSpec,
	DenseLayerSpec,
	LayerSpec,
	NetworkSpec,
	PlainLayerSpec,
	ResidualLayerSpec,
	TrainableLayer,
} from './spec.js';

/** Shapes of a network, layer by layer, and the checks that they fit. */

export type Shape = readonly [height: number, width: number, channels: number];

/** A residual block's sum. */
export interface AddOperation {
	readonly type: 'add';
	readonly activation: Activation;
}

/**
 * One step of a network. A specification's layers are that themselves, in order; a residual block is its projection (convolution, batch
 * norm), then its layers, then the sum.
 */
export interface Operation {
	readonly layer: PlainLayerSpec | AddOperation;
	/** The operation whose output it takes; -1: the network's input. */
	readonly input: number;
	/** Of a sum: the operation whose output is added to its input; else -1. */
	readonly addend: number;
	readonly from: Shape;
	readonly to: Shape;
}

/** Operations a network may have at most, and elements one layer's output or weights. */
const MAXIMUM_LAYERS = 200;
const MAXIMUM_ELEMENTS = 2 ** 28;

export interface NetworkShapes {
	/** Output shape of each layer of the specification; vectors are `[1, 1, n]`. */
	readonly outputs: readonly Shape[];
	/** The layers with weights, in order. */
	readonly layers: readonly TrainableLayer[];
	/** Elements of all of them. */
	readonly parameterCount: number;
	/** What the network computes, step by step. */
	readonly operations: readonly Operation[];
	/** Channels that batch norms keep a running mean and variance of, all together. */
	readonly normalizedChannels: number;
}

/** Stride of a pooling layer: what the specification says, else the window's size, 3 at most. */
export function poolStride(layer: { readonly size: number; readonly stride?: number }): number {
	return layer.stride ?? Math.min(layer.size, 3);
}

/** Output edge of a window that slides: TensorFlow's SAME and VALID. */
function outputEdge(input: number, size: number, stride: number, padding: 'same' | 'valid'): number {
	return padding === 'same' ? Math.ceil(input / stride) : Math.floor((input - size) / stride) + 1;
}

function product(shape: readonly number[]): number {
	return shape.reduce((total, edge) => total * edge, 1);
}

/** Goes through a specification in order and keeps what it has seen. */
class ShapeInference {
	readonly operations: Operation[] = [];
	readonly layers: TrainableLayer[] = [];
	normalizedChannels = 0;
	#shape: Shape;
	#flattened = false;

	constructor(input: Shape) {
		this.#shape = input;
	}

	/** @param where the layer in words: `Layer 3` */
	add(layer: LayerSpec, where: string, path: string): Shape {
		checkLayerFields(layer, path);
		if (layer.type === 'residual') {
			this.#addResidual(layer, where, path);
		} else {
			this.#addPlain(layer, where);
		}
		return this.#shape;
	}

	#refuse(where: string, type: string, problem: string): never {
		throw new GannoError('INVALID_ARGUMENT', `${where} (${type}) does not fit: ${problem}`);
	}

	#addPlain(layer: PlainLayerSpec, where: string): void {
		const from = this.#shape;
		const [height, width, channels] = from;
		if (this.#flattened && !['dense', 'dropout', 'batch-norm'].includes(layer.type)) {
			this.#refuse(
				where,
				layer.type,
				'after a dense layer there are no rows and columns; put it before the first dense layer',
			);
		}
		let to = from;
		switch (layer.type) {
			case 'dense':
				this.#addTrainable(layer, [height * width * channels, layer.units], layer.units);
				to = [1, 1, layer.units];
				this.#flattened = true;
				break;
			case 'conv': {
				const { kernelSize, filters, stride = 1, padding = 'same' } = layer;
				to = this.#slide(layer.type, where, kernelSize, stride, padding, filters);
				this.#addTrainable(layer, [kernelSize, kernelSize, channels, filters], filters);
				break;
			}
			case 'max-pool':
			case 'average-pool':
				to = this.#slide(layer.type, where, layer.size, poolStride(layer), layer.padding ?? 'valid', channels);
				break;
			case 'global-average-pool':
				to = [1, 1, channels];
				break;
			case 'batch-norm':
				this.#normalize(where);
				break;
			case 'dropout':
				break;
		}
		this.#push(layer, where, to);
	}

	#push(layer: PlainLayerSpec | AddOperation, where: string, to: Shape, input?: number, addend = -1): void {
		const last = this.operations.length - 1;
		const elements = Math.max(product(to), this.layers.at(-1)?.size ?? 0);
		if (elements > MAXIMUM_ELEMENTS) {
			this.#refuse(where, layer.type, `it has ${counted(elements, 'element')}, ${MAXIMUM_ELEMENTS} at most`);
		}
		this.operations.push({ layer, input: input ?? last, addend, from: this.#shape, to });
		this.#shape = to;
		if (this.operations.length > MAXIMUM_LAYERS) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				`A network has at most ${MAXIMUM_LAYERS} layers, those of residual blocks and their sums included`,
			);
		}
	}

	#slide(
		type: string,
		where: string,
		size: number,
		stride: number,
		padding: 'same' | 'valid',
		channels: number,
	): Shape {
		const [inputHeight, inputWidth] = this.#shape;
		const height = outputEdge(inputHeight, size, stride, padding);
		const width = outputEdge(inputWidth, size, stride, padding);
		if (height < 1 || width < 1) {
			this.#refuse(
				where,
				type,
				`a ${size}×${size} window with '${padding}' padding needs at least ${size}×${size} pixels, but its input is ${inputHeight}×${inputWidth}. Use 'same' padding, or fewer or smaller strides before it`,
			);
		}
		return [height, width, channels];
	}

	#addTrainable(layer: DenseLayerSpec | ConvLayerSpec, weightShape: readonly number[], biases: number): void {
		this.layers.push({
			name: layer.name ?? `${layer.type}${this.layers.length + 1}`,
			type: layer.type,
			size: product(weightShape) + biases,
			weightShape,
			biasShape: [biases],
		});
	}

	/** The batch norm's scale and shift go to the layer before it. */
	#normalize(where: string): void {
		const before = this.operations.at(-1)?.layer;
		if (before?.type !== 'dense' && before?.type !== 'conv') {
			this.#refuse(where, 'batch-norm', 'it normalises the dense or conv layer right before it, and there is none');
		}
		if ((before.activation ?? 'linear') !== 'linear') {
			this.#refuse(
				where,
				'batch-norm',
				`the layer before it has the activation '${before.activation}', which would come first; give it to the batch norm instead`,
			);
		}
		const layer = this.layers.pop() as TrainableLayer;
		const [channels] = layer.biasShape;
		this.layers.push({ ...layer, size: layer.size + channels, scaleShape: [channels] });
		this.normalizedChannels += channels;
	}

	#addResidual(layer: ResidualLayerSpec, where: string, path: string): void {
		const from = this.#shape;
		const begin = this.operations.length - 1;
		if (this.#flattened) this.#refuse(where, 'residual', 'it works on images; put it before the first dense layer');
		if (begin < 0) this.#refuse(where, 'residual', 'it cannot be the first layer; put a convolution before it');
		for (const [i, inner] of layer.layers.entries()) {
			checkLayerFields(inner, `${path}.layers[${i}]`);
			if (!['conv', 'max-pool', 'average-pool', 'dropout', 'batch-norm'].includes(inner.type)) {
				this.#refuse(
					where,
					'residual',
					`its layers[${i}] is a ${inner.type} layer, which a residual block cannot hold`,
				);
			}
		}
		if (layer.layers[0]?.type !== 'conv') this.#refuse(where, 'residual', 'its first layer must be a conv layer');
		const inner = (i: number): string => `Layer ${i} of the block that is ${where.toLowerCase()}`;
		// Where the layers end decides what the projection is, and the projection comes first.
		const dryRun = new ShapeInference(from);
		for (const [i, body] of layer.layers.entries()) dryRun.#addPlain(body, inner(i));
		const to = dryRun.#shape;
		let addend = begin;
		if (layer.shortcut === 'projection') {
			this.#addProjection(layer, where, from, to);
			addend = this.operations.length - 1;
			this.#shape = from;
		} else if (to.some((edge, i) => edge !== from[i])) {
			this.#refuse(
				where,
				'residual',
				`its layers turn ${from.join('×')} into ${to.join('×')}, to which the input cannot be added; use shortcut: 'projection'`,
			);
		}
		for (const [i, body] of layer.layers.entries()) {
			this.#addPlain(body, inner(i));
			if (i === 0) this.operations.push({ ...(this.operations.pop() as Operation), input: begin });
		}
		this.#push({ type: 'add', activation: layer.activation ?? 'linear' }, where, to, undefined, addend);
	}

	#addProjection(layer: ResidualLayerSpec, where: string, from: Shape, to: Shape): void {
		const stride = ([1, 2] as const).find((s) => [0, 1].every((i) => Math.ceil(from[i]! / s) === to[i]));
		if (stride === undefined) {
			this.#refuse(
				where,
				'residual',
				`its layers turn ${from.join('×')} into ${to.join('×')}, but a projection keeps height and width or halves them`,
			);
		}
		const last = layer.layers.at(-1);
		const name = `projection${this.layers.length + 1}`;
		this.#addPlain({ type: 'conv', filters: to[2], kernelSize: 1, stride, name }, where);
		if (last?.type !== 'batch-norm') return;
		const { momentum, epsilon } = last;
		this.#addPlain(
			{
				type: 'batch-norm',
				...(momentum === undefined ? {} : { momentum }),
				...(epsilon === undefined ? {} : { epsilon }),
			},
			where,
		);
	}
}

const SPEC_KEYS = keysOf<NetworkSpec>({ input: true, layers: true });

/**
 * Checks a specification from end to end and works out every shape.
 * @throws GannoError `INVALID_ARGUMENT` naming the layer and the sizes that do not fit
 */
export function inferShapes(spec: NetworkSpec): NetworkShapes {
	if (typeof spec !== 'object' || spec === null) throw invalidArgument('a NetworkSpec', 'spec', spec);
	checkKeys(spec, 'spec', SPEC_KEYS);
	if (!Array.isArray(spec.input) || spec.input.length !== 3) {
		throw invalidArgument('[height, width, channels]', 'spec.input', spec.input);
	}
	for (const [i, name] of ['height', 'width', 'channels'].entries()) {
		checkInteger((spec.input as readonly unknown[])[i], `spec.input[${i}] (${name})`, 1, 4096);
	}
	if (!Array.isArray(spec.layers) || spec.layers.length === 0 || spec.layers.length > MAXIMUM_LAYERS) {
		throw invalidArgument(`an array of 1 to ${MAXIMUM_LAYERS} layers`, 'spec.layers', spec.layers);
	}
	const inference = new ShapeInference([spec.input[0], spec.input[1], spec.input[2]]);
	const specified = Array.from(spec.layers as readonly LayerSpec[]);
	const outputs = specified.map((layer, i) => inference.add(layer, `Layer ${i}`, `spec.layers[${i}]`));
	const last = specified.at(-1) as LayerSpec;
	const fail = (problem: string): never => {
		throw new GannoError('INVALID_ARGUMENT', `Layer ${specified.length - 1} (${last.type}) does not fit: ${problem}`);
	};
	if (last.type !== 'dense') return fail('the last layer must be a dense one whose units are the classes');
	if (last.activation !== undefined && last.activation !== 'linear') {
		return fail(
			`its activation is '${last.activation}', but softmax cross-entropy follows the last layer; leave activation out`,
		);
	}
	const { layers, operations, normalizedChannels } = inference;
	if (new Set(layers.map(({ name }) => name)).size !== layers.length) {
		throw new GannoError('INVALID_ARGUMENT', 'Two layers of the network have the same name; give each its own');
	}
	return {
		outputs,
		layers,
		parameterCount: layers.reduce((sum, { size }) => sum + size, 0),
		operations,
		normalizedChannels,
	};
}

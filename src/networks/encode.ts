import { BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, NATIVE_ORDER } from './layer-fields.js';
import { type Operation, poolStride } from './shapes.js';
import type { Activation, ConvLayerSpec, DenseLayerSpec, Initializer } from './spec.js';

/** Numbers per operation of the flat form. */
const FIELDS = 11;

/**
 * A network's operations as the addon takes them, each `kind, units, size, stride, same padding, activation, initialiser, rate (dropout)
 * or momentum (batch norm), epsilon, input, addend`; the last two are numbers of operations, see {@link Operation}.
 */
export function encodeOperations(operations: readonly Operation[]): Float64Array {
	const fields = new Float64Array(operations.length * FIELDS);
	for (const [i, { layer, input, addend }] of operations.entries()) {
		const normalized = operations[i + 1]?.layer.type === 'batch-norm';
		fields.set([...encodeLayer(layer, normalized), input, addend], i * FIELDS);
	}
	return fields;
}

function encodeLayer(layer: Operation['layer'], normalized: boolean): number[] {
	const kind = NATIVE_ORDER.types.indexOf(layer.type);
	switch (layer.type) {
		case 'dense':
			return [kind, layer.units, 0, 1, 0, activation(layer), initializer(layer, normalized), 0, 0];
		case 'conv':
			return [
				kind,
				layer.filters,
				layer.kernelSize,
				layer.stride ?? 1,
				(layer.padding ?? 'same') === 'same' ? 1 : 0,
				activation(layer),
				initializer(layer, normalized),
				0,
				0,
			];
		case 'max-pool':
		case 'average-pool':
			return [kind, 0, layer.size, poolStride(layer), layer.padding === 'same' ? 1 : 0, 0, 0, 0, 0];
		case 'global-average-pool':
			return [kind, 0, 0, 1, 0, 0, 0, 0, 0];
		case 'dropout':
			return [kind, 0, 0, 1, 0, 0, 0, layer.rate, 0];
		case 'batch-norm': {
			const { momentum = BATCH_NORM_MOMENTUM, epsilon = BATCH_NORM_EPSILON } = layer;
			return [kind, 0, 0, 1, 0, activation(layer), 0, momentum, epsilon];
		}
		case 'add':
			return [kind, 0, 0, 1, 0, activation(layer), 0, 0, 0];
	}
}

function activation(layer: { readonly activation?: Activation }): number {
	return NATIVE_ORDER.activations.indexOf(layer.activation ?? 'linear');
}

/**
 * He before ReLU (He et al. 2015) and before batch norm, which ReLU mostly follows; Xavier elsewhere (Glorot & Bengio 2010).
 * @param normalized a batch norm follows
 */
export function initializerOf(layer: DenseLayerSpec | ConvLayerSpec, normalized = false): Initializer {
	return layer.initializer ?? (layer.activation === 'relu' || normalized ? 'he-uniform' : 'xavier-uniform');
}

function initializer(layer: DenseLayerSpec | ConvLayerSpec, normalized: boolean): number {
	return NATIVE_ORDER.initializers.indexOf(initializerOf(layer, normalized));
}

import { NATIVE_ORDER, poolStride } from './shapes.js';
import type { Initializer, LayerSpec, NetworkSpec } from './spec.js';

/** Numbers per layer of the flat form. */
const FIELDS = 8;

/**
 * A checked specification as the addon takes it: per layer `kind, units, size, stride, same padding, activation, initialiser, rate`.
 */
export function encodeLayers(spec: NetworkSpec): Float64Array {
	const fields = new Float64Array(spec.layers.length * FIELDS);
	for (const [i, layer] of spec.layers.entries()) fields.set(encodeLayer(layer), i * FIELDS);
	return fields;
}

function encodeLayer(layer: LayerSpec): number[] {
	const kind = NATIVE_ORDER.types.indexOf(layer.type);
	switch (layer.type) {
		case 'dense':
			return [kind, layer.units, 0, 1, 0, activation(layer), initializer(layer), 0];
		case 'conv':
			return [
				kind,
				layer.filters,
				layer.kernelSize,
				layer.stride ?? 1,
				(layer.padding ?? 'same') === 'same' ? 1 : 0,
				activation(layer),
				initializer(layer),
				0,
			];
		case 'max-pool':
		case 'average-pool':
			return [kind, 0, layer.size, poolStride(layer), layer.padding === 'same' ? 1 : 0, 0, 0, 0];
		case 'global-average-pool':
			return [kind, 0, 0, 1, 0, 0, 0, 0];
		case 'dropout':
			return [kind, 0, 0, 1, 0, 0, 0, layer.rate];
	}
}

type Weighted = Extract<LayerSpec, { type: 'dense' | 'conv' }>;

function activation(layer: Weighted): number {
	return NATIVE_ORDER.activations.indexOf(layer.activation ?? 'linear');
}

/** He before ReLU (He et al. 2015), Xavier elsewhere (Glorot & Bengio 2010). */
export function initializerOf(layer: Weighted): Initializer {
	return layer.initializer ?? (layer.activation === 'relu' ? 'he-uniform' : 'xavier-uniform');
}

function initializer(layer: Weighted): number {
	return NATIVE_ORDER.initializers.indexOf(initializerOf(layer));
}

import { checkInteger, checkNumber, checkOneOf, invalidArgument } from '../arguments.js';
import { GannoError } from '../errors.js';
import type { LayerSpec } from './spec.js';

/** What each type of layer is made of, and the checks of one layer alone; how layers fit together is in shapes.ts. */

const ACTIVATIONS = ['linear', 'relu', 'tanh'] as const;
const INITIALIZERS = ['he-uniform', 'he-normal', 'xavier-uniform', 'xavier-normal'] as const;
const PADDINGS = ['same', 'valid'] as const;
const OPERATION_TYPES = [
	'dense',
	'conv',
	'max-pool',
	'average-pool',
	'global-average-pool',
	'dropout',
	'batch-norm',
] as const;
const LAYER_TYPES = [...OPERATION_TYPES, 'residual'] as const;

/** PyTorch's defaults. */
export const BATCH_NORM_MOMENTUM = 0.1;
export const BATCH_NORM_EPSILON = 1e-5;

const FIELDS: Readonly<Record<LayerSpec['type'], readonly string[]>> = {
	dense: ['units', 'activation', 'initializer', 'name'],
	conv: ['filters', 'kernelSize', 'stride', 'padding', 'activation', 'initializer', 'name'],
	'max-pool': ['size', 'stride', 'padding'],
	'average-pool': ['size', 'stride', 'padding'],
	'global-average-pool': [],
	dropout: ['rate'],
	'batch-norm': ['momentum', 'epsilon', 'activation'],
	residual: ['layers', 'shortcut', 'activation'],
};

function checkNumberOf(value: unknown, name: string, choices: readonly number[]): void {
	if (typeof value !== 'number' || !choices.includes(value)) {
		throw invalidArgument(`one of ${choices.join(', ')}`, name, value);
	}
}

function checkActivation(layer: { readonly activation?: unknown }, path: string): void {
	if (layer.activation !== undefined) checkOneOf(layer.activation, `${path}.activation`, ACTIVATIONS);
}

/**
 * Type, known fields and their ranges; of a residual block the layers are left to the caller.
 * @param path of the layer, for messages: `spec.layers[3]`
 * @throws GannoError `INVALID_ARGUMENT`
 */
export function checkLayerFields(layer: LayerSpec, path: string): void {
	if (typeof layer !== 'object' || layer === null) throw invalidArgument('a layer', path, layer);
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
			checkActivation(layer, path);
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
		case 'batch-norm':
			if (layer.momentum !== undefined) checkNumber(layer.momentum, `${path}.momentum`, 0, 1);
			if (layer.epsilon !== undefined) checkNumber(layer.epsilon, `${path}.epsilon`, 1e-12, 1);
			checkActivation(layer, path);
			break;
		case 'residual':
			if (!Array.isArray(layer.layers) || layer.layers.length === 0) {
				throw invalidArgument('an array of at least one layer', `${path}.layers`, layer.layers);
			}
			if (layer.shortcut !== undefined) {
				checkOneOf(layer.shortcut, `${path}.shortcut`, ['identity', 'projection']);
			}
			checkActivation(layer, path);
			break;
		case 'global-average-pool':
			break;
	}
}

/** Layer types, activations and initialisers in the order of the native enumerations (native/core/network_spec.h). */
export const NATIVE_ORDER = {
	types: [...OPERATION_TYPES, 'add'],
	activations: ACTIVATIONS,
	initializers: INITIALIZERS,
} as const;

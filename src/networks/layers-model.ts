import { types } from 'node:util';
import { GannoError } from '../errors.js';
import { inferShapes, poolStride } from './shapes.js';
import type { LayerSpec, NetworkSpec } from './spec.js';

/** A network in the format that `tf.loadLayersModel` reads, made without tfjs. */
export interface LayersModelArtifacts {
	readonly format: 'layers-model';
	readonly generatedBy: 'ganno';
	readonly modelTopology: object;
	readonly weightSpecs: readonly { readonly name: string; readonly shape: number[]; readonly dtype: 'float32' }[];
	/** All weights, one after the other, little endian. */
	readonly weightData: ArrayBuffer;
	readonly userDefinedMetadata?: object;
}

/**
 * A trained network as a tfjs layers model (Keras' Sequential), its softmax included. It takes images as the network saw them: normalised
 * by its data set's mean and standard deviation.
 * @param parameters `[parameterCount]`, as `NetworkPopulation.parameters` gives them
 * @param metadata kept in the model as `userDefinedMetadata`
 * @throws GannoError `INVALID_ARGUMENT` for residual blocks and batch norm, which this format is not written for
 */
export function layersModelArtifacts(
	spec: NetworkSpec,
	parameters: Float32Array,
	metadata?: object,
): LayersModelArtifacts {
	const { layers: trainable, parameterCount, outputs } = inferShapes(spec);
	if (!types.isFloat32Array(parameters) || parameters.length !== parameterCount) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			`Expected a Float32Array of length ${parameterCount} for parameters but received one of ${parameters?.length}`,
		);
	}
	const configs: { class_name: string; config: Record<string, unknown> }[] = [];
	const weightSpecs: { name: string; shape: number[]; dtype: 'float32' }[] = [];
	let next = 0;
	let isImage = true;
	for (const [i, layer] of spec.layers.entries()) {
		if (layer.type === 'dense' && isImage) {
			configs.push({ class_name: 'Flatten', config: { name: `flatten_${i}` } });
		}
		isImage &&= layer.type !== 'dense' && layer.type !== 'global-average-pool';
		const name = `${layer.type.replaceAll('-', '_')}_${i}`;
		configs.push(kerasLayer(layer, name, i === spec.layers.length - 1));
		if (layer.type !== 'dense' && layer.type !== 'conv') continue;
		const { weightShape, biasShape } = trainable[next++] as (typeof trainable)[number];
		weightSpecs.push({ name: `${name}/kernel`, shape: [...weightShape], dtype: 'float32' });
		weightSpecs.push({ name: `${name}/bias`, shape: [...biasShape], dtype: 'float32' });
	}
	Object.assign((configs[0] as (typeof configs)[number]).config, { batch_input_shape: [null, ...spec.input] });
	const classes = outputs.at(-1)?.[2];
	const view = new DataView(new ArrayBuffer(parameters.byteLength));
	for (const [i, value] of parameters.entries()) view.setFloat32(4 * i, value, true);
	return {
		format: 'layers-model',
		generatedBy: 'ganno',
		modelTopology: {
			class_name: 'Sequential',
			config: { name: `ganno_${classes}_classes`, layers: configs },
			keras_version: 'tfjs-layers 4.22.0',
			backend: 'tensor_flow.js',
		},
		weightSpecs,
		weightData: view.buffer as ArrayBuffer,
		...(metadata === undefined ? {} : { userDefinedMetadata: metadata }),
	};
}

function kerasLayer(
	layer: LayerSpec,
	name: string,
	isLast: boolean,
): { class_name: string; config: Record<string, unknown> } {
	switch (layer.type) {
		case 'dense': {
			const { units, activation = 'linear' } = layer;
			return {
				class_name: 'Dense',
				config: { name, units, activation: isLast ? 'softmax' : activation, use_bias: true },
			};
		}
		case 'conv': {
			const { filters, kernelSize, stride = 1, padding = 'same', activation = 'linear' } = layer;
			const config = { filters, kernel_size: [kernelSize, kernelSize], strides: [stride, stride], padding, activation };
			return { class_name: 'Conv2D', config: { name, ...config, data_format: 'channels_last', use_bias: true } };
		}
		case 'max-pool':
		case 'average-pool': {
			const stride = poolStride(layer);
			const window = { pool_size: [layer.size, layer.size], strides: [stride, stride] };
			return {
				class_name: layer.type === 'max-pool' ? 'MaxPooling2D' : 'AveragePooling2D',
				config: { name, ...window, padding: layer.padding ?? 'valid', data_format: 'channels_last' },
			};
		}
		case 'global-average-pool':
			return { class_name: 'GlobalAveragePooling2D', config: { name, data_format: 'channels_last' } };
		case 'dropout':
			return { class_name: 'Dropout', config: { name, rate: layer.rate } };
		default:
			throw new GannoError('INVALID_ARGUMENT', `A layer of type ${layer.type} cannot be written as a layers model yet`);
	}
}

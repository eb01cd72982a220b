import * as tf from '@tensorflow/tfjs';
import { layersModelArtifacts } from '../../networks/layers-model.js';
import type { NetworkSpec } from '../../networks/spec.js';

/**
 * A trained network as a tfjs model, its softmax included; dispose of it. Its input is that of the network: pixels / 255, less the data set's
 * mean, over its standard deviation.
 * @param parameters `[parameterCount]`, as returned by `NetworkPopulation.parameters`
 * @throws GannoError `INVALID_ARGUMENT` for residual blocks and batch norm
 */
export async function openLayersModel(spec: NetworkSpec, parameters: Float32Array): Promise<tf.LayersModel> {
	const { weightSpecs, ...artifacts } = layersModelArtifacts(spec, parameters);
	return await tf.loadLayersModel(tf.io.fromMemory({ ...artifacts, weightSpecs: [...weightSpecs] }));
}

import * as tf from '@tensorflow/tfjs';
import type { LayerwiseTfOptimizer } from '../../src/tfjs/layerwise-tf-optimizer.js';

/** Optimiser states of tfjs programs, as tests save and load them. */

type Weights = Awaited<ReturnType<LayerwiseTfOptimizer['getWeights']>>;

/** Copies of the tensors of `getWeights`, the caller's to dispose: a checkpoint. */
export async function checkpoint(optimizer: LayerwiseTfOptimizer): Promise<Weights> {
	return (await optimizer.getWeights()).map(({ name, tensor }) => ({ name, tensor: tensor.clone() }));
}

/** The first moment of every variable in a checkpoint. */
export function firstMoments(weights: Weights): Map<string, number[]> {
	const moments = weights.filter(({ name }) => name.endsWith('/moment1'));
	return new Map(moments.map(({ name, tensor }) => [name.replace(/\/moment1$/, ''), [...tensor.dataSync()]]));
}

/** Steps of every variable in a checkpoint. */
export function stepCounts(weights: Weights): Map<string, number> {
	const steps = weights.find(({ name }) => name === 'steps')?.tensor.dataSync() ?? [];
	return new Map([...firstMoments(weights).keys()].map((name, i) => [name, steps[i] as number]));
}

/** What `model.save` writes, its optimiser included, as a file would hold it. */
export async function savedModel(model: tf.LayersModel): Promise<tf.io.ModelArtifacts> {
	let artifacts: tf.io.ModelArtifacts | undefined;
	const handler = tf.io.withSaveHandler((all) => {
		artifacts = structuredClone(all);
		return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } });
	});
	await model.save(handler, { includeOptimizer: true });
	return artifacts as tf.io.ModelArtifacts;
}

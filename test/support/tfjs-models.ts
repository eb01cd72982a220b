import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';

/** tfjs models and data that tests train. */

export type Backend = 'cpu' | 'wasm';

/** Makes a back end tfjs's current one; nothing comes from the network. */
export async function useBackend(backend: Backend): Promise<void> {
	if (backend === 'wasm' && tf.findBackend('wasm') === null) {
		const folder = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json'));
		setWasmPaths(join(folder, 'wasm-out', '/'));
	}
	if (!(await tf.setBackend(backend))) throw new Error(`tfjs has no back end ${backend} here`);
	await tf.ready();
}

function kernel(seed: number) {
	return tf.initializers.varianceScaling({ scale: 1, mode: 'fanAvg', distribution: 'uniform', seed });
}

/** The convolutional model of tfjs's own MNIST example, on images of `edge` × `edge`, with 10 classes. */
export function mnistModel(edge = 28): tf.Sequential {
	const model = tf.sequential();
	const conv = { kernelSize: 5, strides: 1, activation: 'relu' } as const;
	model.add(tf.layers.conv2d({ ...conv, inputShape: [edge, edge, 1], filters: 8, kernelInitializer: kernel(1) }));
	model.add(tf.layers.maxPooling2d({ poolSize: [2, 2], strides: [2, 2] }));
	model.add(tf.layers.conv2d({ ...conv, filters: 16, kernelInitializer: kernel(2) }));
	model.add(tf.layers.maxPooling2d({ poolSize: [2, 2], strides: [2, 2] }));
	model.add(tf.layers.flatten());
	model.add(tf.layers.dense({ units: 10, activation: 'softmax', kernelInitializer: kernel(3) }));
	return model;
}

/** Thirty dense layers. */
export function deepModel(inputs = 36, units = 16): tf.Sequential {
	const model = tf.sequential();
	for (let l = 0; l < 29; l++) {
		const inputShape = l === 0 ? { inputShape: [inputs] } : {};
		model.add(tf.layers.dense({ units, activation: 'tanh', kernelInitializer: kernel(10 + l), ...inputShape }));
	}
	model.add(tf.layers.dense({ units: 10, activation: 'softmax', kernelInitializer: kernel(50) }));
	return model;
}

/** Points of ten noisy classes. @returns tensors of the caller's: `[count, ...shape]` and one-hot `[count, 10]` */
export function examples(count: number, shape: readonly number[], seed = 1): { xs: tf.Tensor; ys: tf.Tensor } {
	return tf.tidy(() => {
		const size = shape.reduce((a, b) => a * b, 1);
		const centres = tf.randomNormal([10, size], 0, 1, 'float32', 5);
		const labels = Array.from({ length: count }, (_, i) => (i * 7) % 10);
		const noise = tf.randomNormal([count, size], 0, 1, 'float32', seed);
		const xs = tf.gather(centres, tf.tensor1d(labels, 'int32')).add(noise);
		return { xs: xs.reshape([count, ...shape]), ys: tf.oneHot(tf.tensor1d(labels, 'int32'), 10).toFloat() };
	});
}

/** Training losses of `steps` batches in turn. */
export async function trainingLosses(
	model: tf.Sequential,
	optimizer: tf.Optimizer,
	data: { xs: tf.Tensor; ys: tf.Tensor },
	steps: number,
	batch: number,
): Promise<number[]> {
	model.compile({ optimizer, loss: 'categoricalCrossentropy' });
	const losses: number[] = [];
	const count = data.xs.shape[0] as number;
	for (let step = 0; step < steps; step++) {
		const from = (step * batch) % count;
		const xs = data.xs.slice(from, batch);
		const ys = data.ys.slice(from, batch);
		losses.push((await model.trainOnBatch(xs, ys)) as number);
		tf.dispose([xs, ys]);
	}
	return losses;
}

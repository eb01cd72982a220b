import * as tf from '@tensorflow/tfjs';
import { LayerwiseController } from 'ganno';
import { LayerwiseTfOptimizer, registerWasmTrainingKernels } from 'ganno/tfjs';
import { untrainedPolicy } from '../../support/untrained-policy.js';
import type { Work } from './work.js';

/** The batch size of `model.fit` where nothing is said. */
const BATCH = 32;

function model(what: string): tf.Sequential {
	if (what === 'mlp') {
		return tf.sequential({
			layers: [
				tf.layers.dense({ units: 128, activation: 'relu', inputShape: [784] }),
				tf.layers.dense({ units: 64, activation: 'relu' }),
				tf.layers.dense({ units: 10, activation: 'softmax' }),
			],
		});
	}
	// tfjs's own MNIST example.
	return tf.sequential({
		layers: [
			tf.layers.conv2d({ inputShape: [28, 28, 1], filters: 8, kernelSize: 5, activation: 'relu' }),
			tf.layers.maxPooling2d({ poolSize: 2, strides: 2 }),
			tf.layers.conv2d({ filters: 16, kernelSize: 5, activation: 'relu' }),
			tf.layers.maxPooling2d({ poolSize: 2, strides: 2 }),
			tf.layers.flatten(),
			tf.layers.dense({ units: 10, activation: 'softmax' }),
		],
	});
}

/** `model.trainOnBatch` of a compiled tfjs model, with tfjs's Adam, ours, and ours under a policy at the default interval. */
export async function fitWork(what: string, contender: string): Promise<Work> {
	registerWasmTrainingKernels();
	const controller = contender.startsWith('layerwise-policy')
		? LayerwiseController.fromPolicy(untrainedPolicy(), { learningRate: 1e-4 })
		: undefined;
	const optimizer = contender.startsWith('adam')
		? tf.train.adam(1e-4)
		: new LayerwiseTfOptimizer(
				controller === undefined ? { algorithm: 'adam', learningRate: 1e-4 } : { algorithm: 'adam', controller },
			);
	let spent = 0;
	if (controller !== undefined) {
		const observe = controller.observe.bind(controller);
		controller.observe = (...args) => {
			const start = performance.now();
			const rates = observe(...args);
			spent += performance.now() - start;
			return rates;
		};
	}
	const compiled = model(what);
	compiled.compile({ optimizer, loss: 'categoricalCrossentropy' });
	const xs = tf.randomNormal([BATCH, ...(what === 'mlp' ? [784] : [28, 28, 1])]);
	const ys = tf.tidy(() => tf.oneHot(tf.randomUniform([BATCH], 0, 10, 'int32'), 10).toFloat());
	// Past the first decisions, which the just-in-time compiler has not seen yet.
	if (controller !== undefined) for (let i = 0; i < 160; i++) await compiled.trainOnBatch(xs, ys);
	return {
		version: `tfjs ${tf.version.tfjs}`,
		async step() {
			return { steps: 1, loss: (await compiled.trainOnBatch(xs, ys)) as number };
		},
		figures() {
			const controllerSeconds = spent / 1e3;
			spent = 0;
			return { controllerSeconds };
		},
	};
}

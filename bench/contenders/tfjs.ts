/** tfjs in WebAssembly, contender of bench:children: tfjs.js CASE. One fixed batch, no statistics. */
import type { Tensor4D } from '@tensorflow/tfjs';
import { registerWasmTrainingKernels } from 'ganno/tfjs';
import { caseNamed } from '../cases.js';
import { loadTfjs } from './load-tfjs.js';
import { serve } from './protocol.js';

const BATCH = 64;

async function main(): Promise<void> {
	const tf = await loadTfjs('wasm');
	if (tf === undefined) return;
	// Stock tfjs cannot train a convolution on wasm.
	registerWasmTrainingKernels();
	const { spec } = caseNamed(process.argv[2] as string);
	const model = tf.sequential();
	let flat = false;
	spec.layers.forEach((layer, index) => {
		const inputShape = index === 0 ? { inputShape: [...spec.input] } : {};
		if (layer.type === 'conv') {
			model.add(
				tf.layers.conv2d({
					filters: layer.filters,
					kernelSize: layer.kernelSize,
					padding: 'same',
					activation: 'relu',
					...inputShape,
				}),
			);
		} else if (layer.type === 'max-pool') {
			model.add(tf.layers.maxPooling2d({ poolSize: layer.size }));
		} else if (layer.type === 'dense') {
			if (!flat) model.add(tf.layers.flatten(inputShape));
			flat = true;
			model.add(
				tf.layers.dense({ units: layer.units, ...(layer.activation === 'relu' ? { activation: 'relu' } : {}) }),
			);
		}
	});
	const optimizer = tf.train.adam(1e-3);
	const images = tf.randomNormal([BATCH, ...spec.input]);
	const labels = tf.tidy(() => tf.oneHot(tf.randomUniform([BATCH], 0, 10, 'int32'), 10).toFloat());
	const variables = model.trainableWeights.map((weight) => weight.read() as ReturnType<typeof tf.variable>);
	await serve(`tfjs ${tf.version.tfjs}`, () =>
		tf.tidy(() => {
			const { value, grads } = tf.variableGrads(
				() => tf.losses.softmaxCrossEntropy(labels, model.apply(images, { training: true }) as Tensor4D).asScalar(),
				variables,
			);
			optimizer.applyGradients(Object.entries(grads).map(([name, tensor]) => ({ name, tensor })));
			return { steps: 1, loss: value.dataSync()[0] as number };
		}),
	);
}

await main();

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { native } from '../../src/native.js';
import { LayerwiseTfOptimizer } from '../../src/tfjs/layerwise-tf-optimizer.js';
import { useBackend } from '../support/tfjs-models.js';
import { savedModel } from '../support/tfjs-states.js';

/** One optimizer that outlives many models: a search over settings, cross-validation, a server that trains on demand. */

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What the process holds once there is no garbage: of a model in the host's arrays 4 × 4 × 2,000 bytes, were it kept. */
async function held() {
	for (let i = 0; i < 3; i++) {
		await new Promise(setImmediate);
		collectGarbage();
	}
	const { numTensors, numBytes, numDataBuffers } = tf.memory();
	const tensors = { numTensors, numBytes, numDataBuffers, handles: native().liveHandles() };
	return { tensors, arrays: process.memoryUsage().arrayBuffers };
}

describe('A thousand models under one LayerwiseTfOptimizer, each disposed after use', () => {
	beforeAll(() => useBackend('cpu'));

	it.each([
		['trained only', false],
		['saved with their optimizer', true],
	])('leave nothing behind: %s', async (_, save) => {
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'adam' });
		const [xs, ys] = [tf.ones([1, 19]), tf.ones([1, 100])];
		const one = async () => {
			const model = tf.sequential({
				layers: [tf.layers.dense({ units: 100, inputShape: [19], kernelInitializer: 'ones' })],
			});
			model.compile({ optimizer, loss: 'meanSquaredError' });
			await model.trainOnBatch(xs, ys);
			if (save) await savedModel(model);
			model.dispose();
		};
		for (let i = 0; i < 10; i++) await one();
		const before = await held();
		for (let i = 0; i < 1000; i++) await one();
		const after = await held();
		expect(after.tensors).toEqual(before.tensors);
		expect(after.arrays - before.arrays).toBeLessThan(1e6); // of 32 MB
		optimizer.dispose();
		tf.dispose([xs, ys]);
	});

	it('and of two models in turn the other one stays', async () => {
		const handles = native().liveHandles();
		const optimizer = new LayerwiseTfOptimizer({ algorithm: 'momentum', learningRate: 1 });
		const kept = tf.variable(tf.zeros([1]), true, 'kept');
		const step = (variable: tf.Variable) => tf.tidy(() => optimizer.applyGradients({ [variable.name]: tf.ones([1]) }));
		step(kept);
		for (let i = 0; i < 50; i++) {
			const other = tf.variable(tf.zeros([1]), true, `other${i}`);
			step(other);
			other.dispose();
		}
		step(kept);
		expect(kept.dataSync()[0]).toBeCloseTo(-2.9, 6);
		expect(native().liveHandles() - handles).toBeLessThanOrEqual(2);
		const names = (await optimizer.getWeights()).map(({ name }) => name);
		expect(names).toEqual(['iter', 'steps', 'kept/moment1']);
		expect(native().liveHandles() - handles).toBe(1);
		optimizer.dispose();
		expect(native().liveHandles()).toBe(handles);
		kept.dispose();
	});
});

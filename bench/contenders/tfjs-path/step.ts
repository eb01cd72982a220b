import type { Scalar, Tensor1D } from '@tensorflow/tfjs';
import { LayerwiseOptimizer, STATISTICS } from 'ganno';
import { packageVersion } from '../../support/machine.js';
import { layerSizes } from '../../tfjs/cases.js';
import type { ArrayState } from '../../tfjs-population/step.js';
import type { Work } from './work.js';

const HYPERPARAMETERS = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, rho: 0.99 };
const RATE = 2 ** -14;

function values(size: number, seed: number): Float32Array {
	return Float32Array.from({ length: size }, (_, i) => 0.1 * Math.sin(seed + 12.9898 * i));
}

/** Adam with all 14 statistics, on gradients that stay the same: the fused pass, or the same in tfjs operations. */
export function stepWork(what: string, contender: string): Promise<Work> {
	return contender === 'native' ? Promise.resolve(nativeStep(what)) : tfjsStep(what);
}

function nativeStep(what: string): Work {
	const layers = layerSizes(what).map((size, l) => ({
		name: `layer${l}`,
		parameters: values(size, l),
		gradients: values(size, l + 100),
	}));
	const optimizer = new LayerwiseOptimizer({ algorithm: 'adam', layers, threads: 1 });
	const statistics = new Float32Array(layers.length * STATISTICS.length);
	return {
		version: `ganno ${packageVersion('ganno')}`,
		step() {
			optimizer.step(RATE, statistics);
			return { steps: 1, loss: statistics[STATISTICS.indexOf('updateNorm')] as number };
		},
	};
}

async function tfjsStep(what: string): Promise<Work> {
	const tf = await import('@tensorflow/tfjs');
	const { LAYER_SUMS, layerSums, stepArray, writeStatistics } = await import('../../tfjs-population/step.js');
	const sizes = layerSizes(what);
	const gradients = sizes.map((size, l) => tf.tensor1d(values(size, l + 100)));
	let states = sizes.map((size, l) => ({
		parameter: tf.tensor1d(values(size, l)),
		moments: [tf.zeros([size]), tf.zeros([size])],
	})) as ArrayState[];
	const counts = sizes.map((size) => tf.scalar(size));
	const statistics = new Float32Array(sizes.length * STATISTICS.length);
	let step = 0;
	return {
		version: `tfjs ${tf.version.tfjs}`,
		step() {
			step++;
			const control = { learningRate: RATE, weightDecay: 0, momentum: 0, step };
			let next: ArrayState[] = [];
			const sums = tf.tidy(() => {
				next = states.map((state, l) => stepArray('adam', HYPERPARAMETERS, control, gradients[l] as Tensor1D, state));
				const scalars = next.flatMap((state, l) =>
					layerSums('adam', [gradients[l] as Tensor1D], [states[l] as ArrayState], [state], counts[l] as Scalar),
				);
				for (const { parameter, moments } of next) for (const tensor of [parameter, ...moments]) tf.keep(tensor);
				return tf.stack(scalars);
			});
			const summed = sums.dataSync<'float32'>();
			sums.dispose();
			for (const { parameter, moments } of states) tf.dispose([parameter, ...moments]);
			states = next;
			for (const [l, size] of sizes.entries()) {
				const own = summed.subarray(l * LAYER_SUMS, (l + 1) * LAYER_SUMS);
				const out = statistics.subarray(l * STATISTICS.length, (l + 1) * STATISTICS.length);
				writeStatistics('adam', own, size, HYPERPARAMETERS, step, out);
			}
			return { steps: 1, loss: statistics[STATISTICS.indexOf('updateNorm')] as number };
		},
	};
}

import * as tf from '@tensorflow/tfjs';
import { DIVERGED_LOSS } from '#ganno/networks/population.js';
import type { Batches } from './batches.js';
import type { TfjsNetwork } from './network.js';
import type { ArrayState } from './step.js';

const EVALUATION_BATCH = 256;

/** Mean loss (`DIVERGED_LOSS` where it is not finite), accuracy and logits `[indices × classes]` of a network over images. */
export function evaluateNetwork(
	network: TfjsNetwork,
	arrays: readonly ArrayState[],
	batches: Batches,
	indices: Uint32Array,
): { readonly loss: number; readonly accuracy: number; readonly logits: Float32Array } {
	const classes = network.parameterShapes.at(-1)?.[0] as number;
	const logits = new Float32Array(indices.length * classes);
	for (let first = 0; first < indices.length; first += EVALUATION_BATCH) {
		tf.tidy(() => {
			const images = batches.images(indices.subarray(first, first + EVALUATION_BATCH));
			const parameters = arrays.map(({ parameter }) => parameter);
			logits.set(network.logits(images, parameters).dataSync<'float32'>(), first * classes);
		});
	}
	let loss = 0;
	let correct = 0;
	for (const [n, index] of indices.entries()) {
		const row = logits.subarray(n * classes, (n + 1) * classes);
		const most = Math.max(...row);
		const label = batches.label(index);
		loss += most + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - most), 0)) - row[label]!;
		if (row.indexOf(most) === label) correct++;
	}
	loss /= indices.length;
	const finite = Number.isFinite(loss);
	return { loss: finite ? loss : DIVERGED_LOSS, accuracy: finite ? correct / indices.length : 0, logits };
}

import * as tf from '@tensorflow/tfjs';
import type { Algorithm } from 'ganno';
import type { Batches } from './batches.js';
import type { DropoutSource, TfjsNetwork } from './network.js';
import { type ArrayState, layerSums, type StepHyperparameters, stepArray } from './step.js';

/** What a step needs to know beside the state. */
export interface StepModel {
	readonly network: TfjsNetwork;
	readonly batches: Batches;
	readonly algorithm: Algorithm;
	readonly hyperparameters: StepHyperparameters & { readonly weightDecay: number; readonly momentum: number };
	/** Elements of each layer. */
	readonly sizes: readonly number[];
}

/** Of one network: `[layers]` each. */
export interface LayerControls {
	readonly learningRates: Float32Array;
	readonly decays: Float32Array | undefined;
	readonly momenta: Float32Array | undefined;
}

/**
 * The state after a step, and `[1 + layers × LAYER_SUMS]`: the loss, then every layer's sums.
 * @param masked whether elements whose gradient is not finite keep parameter and moments, and count for nothing: half as many
 *   operations again, so only where it has to be
 */
export function computeStep(
	{ network, batches, algorithm, hyperparameters, sizes }: StepModel,
	arrays: readonly ArrayState[],
	steps: number,
	batch: Uint32Array,
	dropout: DropoutSource,
	controls: LayerControls,
	masked: boolean,
): { arrays: readonly ArrayState[]; sums: Float32Array } {
	return tf.tidy(() => {
		const { loss, gradients } = batchGradients({ network, batches }, arrays, batch, dropout);
		const stepped: ArrayState[] = [];
		const scalars: tf.Scalar[] = [];
		for (const [l, size] of sizes.entries()) {
			const raw = gradients.slice(2 * l, 2 * l + 2);
			const before = arrays.slice(2 * l, 2 * l + 2);
			const control = {
				learningRate: controls.learningRates[l]!,
				weightDecay: controls.decays?.[l] ?? hyperparameters.weightDecay,
				momentum: controls.momenta?.[l] ?? hyperparameters.momentum,
				step: steps + 1,
			};
			const masks = masked ? raw.map((gradient) => tf.isFinite(gradient)) : undefined;
			const finite = masks === undefined ? tf.scalar(size) : tf.addN(masks.map((mask) => mask.toFloat().sum()));
			const sound = raw.map((gradient, i) =>
				masks === undefined ? gradient : tf.where(masks[i]!, gradient, tf.zerosLike(gradient)),
			);
			const after = sound.map((gradient, i) => {
				const moved = stepArray(algorithm, hyperparameters, control, gradient, before[i]!);
				if (masks === undefined) return moved;
				const pick = (to: tf.Tensor, from: tf.Tensor): tf.Tensor => tf.where(masks[i]!, to, from);
				return {
					parameter: pick(moved.parameter, before[i]!.parameter),
					moments: moved.moments.map((moment, j) => pick(moment, before[i]!.moments[j]!)),
				};
			});
			stepped.push(...after);
			scalars.push(...layerSums(algorithm, sound, before, after, finite as tf.Scalar));
		}
		const next = stepped.map(({ parameter, moments }) => ({
			parameter: tf.keep(parameter),
			moments: moments.map((moment) => tf.keep(moment)),
		}));
		return { arrays: next, sums: tf.stack([loss, ...scalars]).dataSync<'float32'>() };
	});
}

/** Mean loss of a batch and its gradient; inside a tidy. */
export function batchGradients(
	{ network, batches }: Pick<StepModel, 'network' | 'batches'>,
	arrays: readonly ArrayState[],
	indices: Uint32Array,
	dropout?: DropoutSource,
): { readonly loss: tf.Scalar; readonly gradients: readonly tf.Tensor[] } {
	const images = batches.images(indices);
	const labels = batches.labels(indices);
	const { value, grads } = tf.valueAndGrads((...parameters: tf.Tensor[]) =>
		tf.losses.softmaxCrossEntropy(labels, network.logits(images, parameters, dropout)),
	)(arrays.map(({ parameter }) => parameter));
	return { loss: value as tf.Scalar, gradients: grads };
}

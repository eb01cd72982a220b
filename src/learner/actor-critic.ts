import type { Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs';
import { networkTensorShapes, splitTensors, type TensorShape, totalSize } from '../policy/actor.js';
import type { PolicySpec } from '../policy/policy.js';
import type { TensorFlow } from '../tensorflow/load-tensorflow.js';
import type { MiniBatch } from './batch.js';
import { initializeNetwork, POLICY_OUTPUT_GAIN, VALUE_OUTPUT_GAIN } from './orthogonal.js';
import type { PpoLoss } from './ppo-loss.js';
import { createTensorNetwork } from './tensor-network.js';

/** Actor and critic: two separate networks of the same kind, differentiated by tfjs. Parameters lie in one flat array, actor first. */
export interface ActorCritic {
	/** Actor's, then critic's. */
	readonly shapes: readonly TensorShape[];
	/** Floats of the actor alone. */
	readonly actorSize: number;
	/** Floats of both. */
	readonly size: number;
	/** Orthogonal, from stream 'policy' of the seed. */
	initialize(seed: number, parameters: Float32Array): void;
	/** The critic's values of a mini-batch, `[steps × sequences]`. */
	values(miniBatch: MiniBatch, parameters: Float32Array): Float32Array;
	/** The actor's logits of a mini-batch, `[steps × sequences × actions]`. */
	logits(miniBatch: MiniBatch, parameters: Float32Array): Float32Array;
	/**
	 * Forward, `loss` of the outputs, and back.
	 * @param gradients `[size]`, written
	 */
	differentiate(
		miniBatch: MiniBatch,
		parameters: Float32Array,
		loss: (logits: Float32Array, values: Float32Array) => PpoLoss,
		gradients: Float32Array,
	): PpoLoss;
}

export function createActorCritic(tf: TensorFlow, spec: PolicySpec, criticObservationSize: number): ActorCritic {
	const network = createTensorNetwork(tf, spec.network);
	const { hiddenUnits, actions } = spec;
	const actorShapes = networkTensorShapes('actor', spec.network, spec.observationSize, hiddenUnits, actions);
	const criticShapes = networkTensorShapes('critic', spec.network, criticObservationSize, hiddenUnits, 1);
	const shapes = [...actorShapes, ...criticShapes];
	const actorSize = totalSize(actorShapes);
	const size = actorSize + totalSize(criticShapes);

	// Copies: a tensor on the 'cpu' back end would otherwise be a view of an array that changes under it.
	const upload = (flat: Float32Array, of: readonly TensorShape[]): Tensor[] =>
		splitTensors(of, flat).map(({ data, shape }) => tf.tensor(data.slice(), [...shape], 'float32'));
	const rows = (data: Float32Array, miniBatch: MiniBatch): Tensor2D => {
		const count = miniBatch.steps * miniBatch.sequences;
		return tf.tensor2d(data, [count, data.length / count], 'float32');
	};
	const download = (tensor: Tensor): Float32Array => tensor.dataSync<'float32'>();

	function evaluate(
		x: Float32Array,
		of: readonly TensorShape[],
		parameters: Float32Array,
		miniBatch: MiniBatch,
	): Float32Array {
		let outputs = new Float32Array(0);
		// Out through a variable: tf.tidy looks for tensors in every element of an array it is given back.
		tf.tidy(() => {
			const tensors = upload(parameters, of);
			outputs = download(network(rows(x, miniBatch), tensors, miniBatch.steps, miniBatch.sequences)).slice();
		});
		return outputs;
	}

	return {
		shapes,
		actorSize,
		size,
		initialize(seed, parameters) {
			initializeNetwork(actorShapes, POLICY_OUTPUT_GAIN, seed, 0, parameters.subarray(0, actorSize));
			initializeNetwork(criticShapes, VALUE_OUTPUT_GAIN, seed, 1, parameters.subarray(actorSize));
		},
		values: (miniBatch, parameters) =>
			evaluate(miniBatch.criticObservations, criticShapes, parameters.subarray(actorSize), miniBatch),
		logits: (miniBatch, parameters) =>
			evaluate(miniBatch.observations, actorShapes, parameters.subarray(0, actorSize), miniBatch),
		differentiate(miniBatch, parameters, loss, gradients) {
			let result: PpoLoss | undefined;
			tf.tidy(() => {
				const x = rows(miniBatch.observations, miniBatch);
				const central = miniBatch.criticObservations !== miniBatch.observations;
				const criticX = central ? rows(miniBatch.criticObservations, miniBatch) : x;
				// The loss is a few thousand exponentials: in plain TypeScript it costs less than its kernels would, and is float64.
				const lossOf = tf.customGrad((...inputs) => {
					const [logits, values] = inputs as unknown as [Tensor2D, Tensor2D];
					const { steps, sequences } = miniBatch;
					result = loss(download(logits), download(values));
					const { logitGradients, valueGradients } = result;
					return {
						value: tf.scalar(result.loss),
						// tfjs calls this with dy = 1.
						gradFunc: () => [
							tf.tensor2d(logitGradients, [steps * sequences, actions]),
							tf.tensor2d(valueGradients, [steps * sequences, 1]),
						],
					};
				});
				const total = (...tensors: Tensor[]): Scalar => {
					const actor = tensors.slice(0, actorShapes.length);
					const critic = tensors.slice(actorShapes.length);
					const logits = network(x, actor, miniBatch.steps, miniBatch.sequences);
					const values = network(criticX, critic, miniBatch.steps, miniBatch.sequences);
					return lossOf(logits, values) as Scalar;
				};
				let offset = 0;
				for (const gradient of tf.grads(total)(upload(parameters, shapes))) {
					gradients.set(download(gradient), offset);
					offset += gradient.size;
				}
			});
			return result as PpoLoss;
		},
	};
}

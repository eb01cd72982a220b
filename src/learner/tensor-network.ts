import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { PolicySpec } from '../policy/policy.js';
import type { TensorFlow } from '../tensorflow/load-tensorflow.js';
import { createGru } from './gru.js';

/**
 * Actor and critic as differentiable tfjs functions: the tensors and formulas of `actor.ts`. Rows are time-major: row t·S + s is
 * step t of sequence s; a feed-forward network does not care.
 *
 * Dense layers and the GRU bring their own gradients. tfjs's gradient of a product multiplies with a transposed operand, which its
 * wasm back end does in a scalar loop at a twelfth of the speed; an explicit transpose before a plain product (XNNPACK) avoids it.
 *
 * x: `[steps · sequences × inputs]`; parameters: in the order of `networkTensorShapes`; result: `[steps · sequences × outputs]`.
 */
export type TensorNetwork = (x: Tensor2D, parameters: readonly Tensor[], steps: number, sequences: number) => Tensor2D;

type Save = (tensors: Tensor[]) => void;
type Activation = 'linear' | 'relu' | 'tanh';

export function createTensorNetwork(tf: TensorFlow, network: PolicySpec['network']): TensorNetwork {
	/** 2σ(2x) − 1: XNNPACK has a vectorised sigmoid but no tanh, whose scalar kernel takes eight times as long. */
	const tanh = (x: Tensor2D): Tensor2D => tf.sub(tf.mul(tf.sigmoid(tf.mul(x, 2)), 2), 1);
	const columnSums = (x: Tensor2D): Tensor => tf.reshape(tf.matMul(tf.ones([1, x.shape[0]]), x), [x.shape[1]]);

	/** activation(x W + b). `inputGradient: false` for data, whose gradient is not needed. */
	function dense(x: Tensor2D, kernel: Tensor, bias: Tensor, activation: Activation, inputGradient = true): Tensor2D {
		const operation = tf.customGrad((...inputs: (Tensor | Save)[]) => {
			const [w, b, source] = inputs as [Tensor2D, Tensor, Tensor2D | Save];
			const save = inputs[inputs.length - 1] as Save;
			const a = inputGradient ? (source as Tensor2D) : x;
			const product = tf.fused.matMul({ a, b: w, bias: b, activation: activation === 'relu' ? 'relu' : 'linear' });
			const y = (activation === 'tanh' ? tanh(product as Tensor2D) : product) as Tensor2D;
			save([a, w, y]);
			return {
				value: y,
				gradFunc: (dy: Tensor, saved: Tensor[]) => {
					const [a, w, y] = saved as [Tensor2D, Tensor2D, Tensor2D];
					let delta = dy as Tensor2D;
					if (activation === 'tanh') delta = tf.sub(delta, tf.mul(delta, tf.square(y)));
					if (activation === 'relu') delta = tf.mul(delta, tf.step(y));
					const dw = tf.matMul(tf.transpose(a), delta);
					const db = columnSums(delta);
					return inputGradient ? [dw, db, tf.matMul(delta, tf.transpose(w))] : [dw, db];
				},
			};
		});
		return (inputGradient ? operation(kernel, bias, x) : operation(kernel, bias)) as Tensor2D;
	}

	const gru = createGru(tf);

	if (network === 'feed-forward') {
		return (x, parameters) => {
			const [w1, b1, w2, b2, w3, b3] = parameters as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
			const hidden = dense(dense(x, w1, b1, 'tanh', false), w2, b2, 'tanh');
			return dense(hidden, w3, b3, 'linear');
		};
	}
	return (x, parameters, steps, sequences) => {
		const [w1, b1, wGates, bGates, u, bCandidate, w2, b2, w3, b3] = parameters as [
			Tensor,
			Tensor,
			Tensor,
			Tensor,
			Tensor,
			Tensor,
			Tensor,
			Tensor,
			Tensor,
			Tensor,
		];
		const gates = dense(dense(x, w1, b1, 'relu', false), wGates, bGates, 'linear');
		const states = gru(gates, u, bCandidate, steps, sequences);
		return dense(dense(states, w2, b2, 'relu'), w3, b3, 'linear');
	};
}

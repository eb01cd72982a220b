import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import type { PolicySpec } from './policy.js';
import type { TensorFlow } from './tensorflow.js';

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

	/** activation(x W + b). `inputGradient: false` for data, whose gradient nobody asks for. */
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

	/**
	 * The recurrent part of the GRU. All input projections come as one product, and so do the gradients of the weights; per step there
	 * are two products forward and one backward.
	 * @param gates `[T·S × 3H]`: x W + b
	 * @param recurrent `[H × 3H]`
	 * @param candidateBias `[H]`
	 * @returns states `[T·S × H]`, from a zero state
	 */
	function gru(gates: Tensor2D, recurrent: Tensor, candidateBias: Tensor, steps: number, sequences: number): Tensor2D {
		const h = candidateBias.shape[0] as number;
		const rowsOf = (x: Tensor2D, step: number): Tensor2D => tf.slice(x, [step * sequences, 0], [sequences, -1]);
		const operation = tf.customGrad((...inputs: (Tensor | Save)[]) => {
			const [gates, u, bias, save] = inputs as [Tensor2D, Tensor2D, Tensor, Save];
			const inputResetUpdate = tf.slice(gates, [0, 0], [-1, 2 * h]);
			const inputCandidate = tf.slice(gates, [0, 2 * h], [-1, h]);
			const uResetUpdate = tf.slice(u, [0, 0], [h, 2 * h]);
			const uCandidate = tf.slice(u, [0, 2 * h], [h, h]);
			let state: Tensor2D = tf.zeros([sequences, h]);
			const previous: Tensor2D[] = [];
			const states: Tensor2D[] = [];
			const resets: Tensor2D[] = [];
			const updates: Tensor2D[] = [];
			const candidates: Tensor2D[] = [];
			const recurrentCandidates: Tensor2D[] = [];
			for (let t = 0; t < steps; t++) {
				const resetUpdate: Tensor2D = tf.sigmoid(tf.add(rowsOf(inputResetUpdate, t), tf.matMul(state, uResetUpdate)));
				const reset = tf.slice(resetUpdate, [0, 0], [-1, h]);
				const update = tf.slice(resetUpdate, [0, h], [-1, h]);
				const recurrentCandidate: Tensor2D = tf.fused.matMul({ a: state, b: uCandidate, bias }) as Tensor2D;
				const candidate = tanh(tf.add(rowsOf(inputCandidate, t), tf.mul(reset, recurrentCandidate)));
				previous.push(state);
				state = tf.add(candidate, tf.mul(update, tf.sub(state, candidate)));
				states.push(state);
				resets.push(reset);
				updates.push(update);
				candidates.push(candidate);
				recurrentCandidates.push(recurrentCandidate);
			}
			const stack = (parts: Tensor2D[]): Tensor2D => (parts.length === 1 ? tf.clone(parts[0]!) : tf.concat(parts, 0));
			const value = stack(states);
			save([u, ...[previous, resets, updates, candidates, recurrentCandidates].map(stack)]);
			return { value, gradFunc: (dy: Tensor, saved: Tensor[]) => gruGradient(dy as Tensor2D, saved as Tensor2D[]) };
		});

		/** Back through time. Everything that does not depend on later steps is computed for all steps at once. */
		function gruGradient(dStates: Tensor2D, saved: Tensor2D[]): Tensor[] {
			const [u, previous, reset, update, candidate, recurrentCandidate] = saved as [
				Tensor2D,
				Tensor2D,
				Tensor2D,
				Tensor2D,
				Tensor2D,
				Tensor2D,
			];
			const keep = tf.sub(1, update) as Tensor2D;
			// ∂h'/∂(candidate's pre-activation), ∂h'/∂(update's), ∂(candidate's)/∂(reset's)
			const toCandidate = tf.mul(keep, tf.sub(1, tf.square(candidate))) as Tensor2D;
			const toUpdate = tf.mul(tf.sub(previous, candidate), tf.mul(update, keep)) as Tensor2D;
			const toReset = tf.mul(recurrentCandidate, tf.mul(reset, tf.sub(1, reset))) as Tensor2D;
			const uTransposed = tf.transpose(u);
			const recurrentDeltas: Tensor2D[] = [];
			const candidateDeltas: Tensor2D[] = [];
			let later: Tensor2D | undefined;
			for (let t = steps - 1; t >= 0; t--) {
				const own = rowsOf(dStates, t);
				const d = (later === undefined ? own : tf.add(own, later)) as Tensor2D;
				const dCandidate = tf.mul(d, rowsOf(toCandidate, t)) as Tensor2D;
				const dUpdate = tf.mul(d, rowsOf(toUpdate, t)) as Tensor2D;
				const dReset = tf.mul(dCandidate, rowsOf(toReset, t)) as Tensor2D;
				const delta = tf.concat([dReset, dUpdate, tf.mul(dCandidate, rowsOf(reset, t)) as Tensor2D], 1);
				recurrentDeltas.unshift(delta);
				candidateDeltas.unshift(dCandidate);
				if (t > 0) later = tf.add(tf.mul(d, rowsOf(update, t)), tf.matMul(delta, uTransposed));
			}
			const deltas = recurrentDeltas.length === 1 ? recurrentDeltas[0]! : tf.concat(recurrentDeltas, 0);
			const dCandidates = candidateDeltas.length === 1 ? candidateDeltas[0]! : tf.concat(candidateDeltas, 0);
			const dRecurrent = tf.matMul(tf.transpose(previous), deltas);
			const dGates = tf.concat([tf.slice(deltas, [0, 0], [-1, 2 * h]), dCandidates], 1);
			return [dGates, dRecurrent, columnSums(tf.slice(deltas, [0, 2 * h], [-1, h]))];
		}

		return operation(gates, recurrent, candidateBias) as Tensor2D;
	}

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

import type { Tensor, Tensor2D } from '@tensorflow/tfjs';
import { deterministicSigmoid, deterministicTanh } from '../policy/transcendental.js';
import type { TensorFlow } from '../tensorflow/load-tensorflow.js';

type Save = (tensors: Tensor[]) => void;

/**
 * The recurrent part of a GRU (formulas in `actor.ts`) as one differentiable operation with its own back-propagation through time.
 *
 * Products run on tfjs: per step one forward and one backward; the input projections before it and the weights' gradients after it
 * are one product each over all steps. Gates and deltas are plain loops over typed arrays, because tfjs's wasm `slice` copies its
 * whole source for every step and a dozen small kernels a step cost more than they compute.
 *
 * gates: `[steps · sequences × 3H]`, x W + b, time-major; recurrent: U, `[H × 3H]`; candidateBias: `[H]`; result: the states
 * `[steps · sequences × H]`, from a zero state.
 */
export type Gru = (
	gates: Tensor2D,
	recurrent: Tensor,
	candidateBias: Tensor,
	steps: number,
	sequences: number,
) => Tensor2D;

/** What the backward pass needs of the forward pass, `[steps · sequences × H]` each. */
interface Tape {
	/** State before the step. */
	readonly previous: Float32Array;
	readonly reset: Float32Array;
	readonly update: Float32Array;
	readonly candidate: Float32Array;
	/** h Uc + uc */
	readonly recurrentCandidate: Float32Array;
}

export function createGru(tf: TensorFlow): Gru {
	const download = (tensor: Tensor): Float32Array => tensor.dataSync<'float32'>();
	/** x · w, both ways through typed arrays. */
	function multiply(x: Float32Array, rows: number, w: Tensor2D): Float32Array {
		const input = tf.tensor2d(x, [rows, x.length / rows], 'float32');
		const product = tf.matMul(input, w);
		const values = download(product);
		// Not tf.tidy: it would look for tensors in every element of the array it returns.
		tf.dispose([input, product]);
		return values;
	}

	function forward(gates: Float32Array, u: Tensor2D, bias: Float32Array, steps: number, sequences: number) {
		const h = bias.length;
		const size = sequences * h;
		const states = new Float32Array(steps * size);
		const tape: Tape = {
			previous: new Float32Array(steps * size),
			reset: new Float32Array(steps * size),
			update: new Float32Array(steps * size),
			candidate: new Float32Array(steps * size),
			recurrentCandidate: new Float32Array(steps * size),
		};
		for (let t = 0; t < steps; t++) {
			if (t > 0) tape.previous.set(states.subarray((t - 1) * size, t * size), t * size);
			// At the first step the state is zero, and so is the product.
			const products = t > 0 ? multiply(tape.previous.slice(t * size, (t + 1) * size), sequences, u) : undefined;
			for (let s = 0; s < sequences; s++) {
				const gate = (t * sequences + s) * 3 * h;
				for (let unit = 0; unit < h; unit++) {
					const at = t * size + s * h + unit;
					const product = s * 3 * h + unit;
					const fromReset = products === undefined ? 0 : (products[product] as number);
					const fromUpdate = products === undefined ? 0 : (products[product + h] as number);
					const fromCandidate = products === undefined ? 0 : (products[product + 2 * h] as number);
					const reset = deterministicSigmoid((gates[gate + unit] as number) + fromReset);
					const update = deterministicSigmoid((gates[gate + h + unit] as number) + fromUpdate);
					const recurrentCandidate = fromCandidate + (bias[unit] as number);
					const candidate = deterministicTanh((gates[gate + 2 * h + unit] as number) + reset * recurrentCandidate);
					tape.reset[at] = reset;
					tape.update[at] = update;
					tape.recurrentCandidate[at] = recurrentCandidate;
					tape.candidate[at] = candidate;
					states[at] = (1 - update) * candidate + update * (tape.previous[at] as number);
				}
			}
		}
		return { states, tape };
	}

	/** Deltas of the pre-activations, `[steps · sequences × 3H]`: `gates` for the input side, `recurrent` for the h U side. */
	function backward(
		dStates: Float32Array,
		tape: Tape,
		uTransposed: Tensor2D,
		steps: number,
		sequences: number,
		h: number,
	) {
		const size = sequences * h;
		const gates = new Float32Array(steps * size * 3);
		const recurrent = new Float32Array(steps * size * 3);
		let later = new Float32Array(size); // gradient of this step's state from the later steps
		for (let t = steps - 1; t >= 0; t--) {
			const direct = new Float32Array(size);
			for (let s = 0; s < sequences; s++) {
				const gate = (t * sequences + s) * 3 * h;
				for (let unit = 0; unit < h; unit++) {
					const at = t * size + s * h + unit;
					const delta = (dStates[at] as number) + (later[s * h + unit] as number);
					const reset = tape.reset[at] as number;
					const update = tape.update[at] as number;
					const candidate = tape.candidate[at] as number;
					const dCandidate = delta * (1 - update) * (1 - candidate * candidate);
					const dUpdate = delta * ((tape.previous[at] as number) - candidate) * update * (1 - update);
					const dReset = dCandidate * (tape.recurrentCandidate[at] as number) * reset * (1 - reset);
					gates[gate + unit] = dReset;
					gates[gate + h + unit] = dUpdate;
					gates[gate + 2 * h + unit] = dCandidate;
					recurrent[gate + unit] = dReset;
					recurrent[gate + h + unit] = dUpdate;
					recurrent[gate + 2 * h + unit] = dCandidate * reset;
					direct[s * h + unit] = delta * update;
				}
			}
			if (t === 0) break;
			const through = multiply(recurrent.slice(t * size * 3, (t + 1) * size * 3), sequences, uTransposed);
			for (let i = 0; i < size; i++) direct[i]! += through[i] as number;
			later = direct;
		}
		return { gates, recurrent };
	}

	return (gates, recurrent, candidateBias, steps, sequences) => {
		const h = candidateBias.shape[0] as number;
		const rows = steps * sequences;
		const operation = tf.customGrad((...inputs: (Tensor | Save)[]) => {
			const [gates, u, bias, save] = inputs as [Tensor2D, Tensor2D, Tensor, Save];
			const { states, tape } = forward(download(gates), u, download(bias), steps, sequences);
			save([u]);
			return {
				value: tf.tensor2d(states, [rows, h], 'float32'),
				gradFunc: (dy: Tensor, saved: Tensor[]) => {
					const uTransposed = tf.transpose(saved[0] as Tensor2D);
					const deltas = backward(download(dy), tape, uTransposed, steps, sequences, h);
					const previous = tf.tensor2d(tape.previous, [rows, h], 'float32');
					const dRecurrent = tf.tensor2d(deltas.recurrent, [rows, 3 * h], 'float32');
					const { recurrent: recurrentDeltas } = deltas;
					const dBias = new Float32Array(h);
					for (let row = 0; row < rows; row++) {
						const candidates = (row * 3 + 2) * h;
						for (let unit = 0; unit < h; unit++) dBias[unit]! += recurrentDeltas[candidates + unit] as number;
					}
					return [
						tf.tensor2d(deltas.gates, [rows, 3 * h], 'float32'),
						tf.matMul(tf.transpose(previous), dRecurrent),
						tf.tensor1d(dBias, 'float32'),
					];
				},
			};
		});
		return operation(gates, recurrent, candidateBias) as Tensor2D;
	};
}

import type { TensorShape } from '../../src/policy/actor.js';
import { tensorSize } from '../../src/policy/actor.js';

/** Actor or critic in plain float64, written from the formulas and from nothing of `src/`: the oracle of the agents' tests. */

function matrixVector(x: number[], kernel: number[], outputs: number, bias?: number[]): number[] {
	return Array.from({ length: outputs }, (_, j) =>
		x.reduce((sum, value, k) => sum + value * kernel[k * outputs + j]!, bias?.[j] ?? 0),
	);
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/**
 * @param inputs `[sequences][steps][inputs]`
 * @returns `[sequences][steps][outputs]`
 */
export function referenceNetwork(
	shapes: readonly TensorShape[],
	flat: ArrayLike<number>,
	inputs: number[][][],
): number[][][] {
	const tensors = new Map<string, number[]>();
	let offset = 0;
	for (const { name, shape } of shapes) {
		const size = tensorSize(shape);
		tensors.set(
			name.slice(name.indexOf('/') + 1),
			Array.from({ length: size }, (_, i) => flat[offset + i]!),
		);
		offset += size;
	}
	const layer = (name: string, x: number[], activation: (y: number) => number): number[] => {
		const bias = tensors.get(`${name}/bias`)!;
		return matrixVector(x, tensors.get(`${name}/kernel`)!, bias.length, bias).map(activation);
	};
	const linear = (x: number): number => x;
	const relu = (x: number): number => Math.max(x, 0);
	if (!tensors.has('gru/kernel')) {
		return inputs.map((sequence) =>
			sequence.map((x) => layer('output', layer('hidden2', layer('hidden1', x, Math.tanh), Math.tanh), linear)),
		);
	}
	const h = tensors.get('gru/candidateBias')!.length;
	return inputs.map((sequence) => {
		let state = Array.from({ length: h }, () => 0);
		return sequence.map((x) => {
			const input = layer('gru', layer('before', x, relu), linear);
			const recurrent = matrixVector(state, tensors.get('gru/recurrentKernel')!, 3 * h);
			state = state.map((previous, i) => {
				const r = sigmoid(input[i]! + recurrent[i]!);
				const z = sigmoid(input[h + i]! + recurrent[h + i]!);
				const c = Math.tanh(input[2 * h + i]! + r * (recurrent[2 * h + i]! + tensors.get('gru/candidateBias')![i]!));
				return (1 - z) * c + z * previous;
			});
			return layer('output', layer('after', state, relu), linear);
		});
	});
}

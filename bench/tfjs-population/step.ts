import * as tf from '@tensorflow/tfjs';
import { type Algorithm, STATISTICS } from 'ganno';
import { RULES } from '#ganno/optimizer/rules.js';

/** An optimiser step and its statistics in tfjs operations, over the arrays of one layer. */

export interface StepHyperparameters {
	readonly beta1: number;
	readonly beta2: number;
	readonly epsilon: number;
	readonly rho: number;
}

export interface StepControl {
	readonly learningRate: number;
	readonly weightDecay: number;
	readonly momentum: number;
	/** Which step this is: 1 for the first. */
	readonly step: number;
}

/** One array before or after a step. */
export interface ArrayState {
	readonly parameter: tf.Tensor;
	/** As many as the algorithm has. */
	readonly moments: readonly tf.Tensor[];
}

/** The new state of one array. Formulas: docs/algorithms.md. */
export function stepArray(
	algorithm: Algorithm,
	{ beta1, beta2, epsilon, rho }: StepHyperparameters,
	{ learningRate, weightDecay, momentum, step }: StepControl,
	raw: tf.Tensor,
	{ parameter, moments }: ArrayState,
): ArrayState {
	const gradient = algorithm === 'adamw' || weightDecay === 0 ? raw : raw.add(parameter.mul(weightDecay));
	switch (algorithm) {
		case 'sgd':
			return { parameter: parameter.sub(gradient.mul(learningRate)), moments };
		case 'momentum':
		case 'nesterov': {
			const velocity = (moments[0] as tf.Tensor).mul(momentum).add(gradient);
			const direction = algorithm === 'nesterov' ? gradient.add(velocity.mul(momentum)) : velocity;
			return { parameter: parameter.sub(direction.mul(learningRate)), moments: [velocity] };
		}
		case 'rmsprop': {
			const average = (moments[0] as tf.Tensor).mul(rho).add(gradient.square().mul(1 - rho));
			const direction = gradient.div(average.sqrt().add(epsilon));
			return { parameter: parameter.sub(direction.mul(learningRate)), moments: [average] };
		}
		case 'adam':
		case 'adamw': {
			const mean = (moments[0] as tf.Tensor).mul(beta1).add(gradient.mul(1 - beta1));
			const square = (moments[1] as tf.Tensor).mul(beta2).add(gradient.square().mul(1 - beta2));
			// √(v / c) = √v / √c: the corrections become numbers.
			const denominator = square
				.sqrt()
				.mul(1 / Math.sqrt(1 - beta2 ** step))
				.add(epsilon);
			const update = mean.div(denominator).mul(learningRate / (1 - beta1 ** step));
			const decayed =
				algorithm === 'adamw' && weightDecay !== 0 ? parameter.mul(1 - learningRate * weightDecay) : parameter;
			return { parameter: decayed.sub(update), moments: [mean, square] };
		}
	}
}

/** What is summed of a layer on the back end; the statistics follow from it in a few numbers. */
export const LAYER_SUMS = 12;

type LayerSums = [
	...[gg: number, pp: number, mm: number, uu: number, gm: number, gp: number, gu: number],
	...[sumG: number, sumP: number, least: number, most: number, finite: number],
];

function flat(arrays: readonly tf.Tensor[]): tf.Tensor1D {
	return tf.concat(arrays.map((array) => array.flatten()));
}

/** `[LAYER_SUMS]` scalars of one layer; the gradients are finite or masked, `finite` is how many were. */
export function layerSums(
	algorithm: Algorithm,
	gradients: readonly tf.Tensor[],
	before: readonly ArrayState[],
	after: readonly ArrayState[],
	finite: tf.Scalar,
): tf.Scalar[] {
	const g = flat(gradients);
	const p = flat(before.map(({ parameter }) => parameter));
	const m = RULES[algorithm].firstMoment ? flat(after.map(({ moments }) => moments[0] as tf.Tensor)) : g;
	const u = flat(after.map(({ parameter }) => parameter)).sub<tf.Tensor1D>(p);
	const product = (a: tf.Tensor1D, b: tf.Tensor1D): tf.Scalar => a.mul(b).sum();
	return [
		product(g, g),
		product(p, p),
		product(m, m),
		product(u, u),
		product(g, m),
		product(g, p),
		product(g, u),
		g.sum(),
		p.sum(),
		g.min(),
		g.max(),
		finite,
	];
}

/** Writes the 14 statistics of a layer, from its sums. @param size elements of the layer */
export function writeStatistics(
	algorithm: Algorithm,
	sums: Float32Array,
	size: number,
	{ beta1 }: StepHyperparameters,
	step: number,
	out: Float32Array,
): void {
	const [gg, pp, mm, uu, gm, gp, gu, sumG, sumP, least, most, finite] = [...sums] as LayerSums;
	const [g, p, m, u] = [Math.sqrt(gg), Math.sqrt(pp), Math.sqrt(mm), Math.sqrt(uu)] as const;
	const correction = RULES[algorithm].correctsBias ? 1 / (1 - beta1 ** step) : 1;
	const cosine = (sum: number, a: number, b: number): number => (a * b > 0 ? sum / (a * b) : 0);
	const meanG = finite > 0 ? sumG / finite : 0;
	const meanP = sumP / size;
	const values: Record<(typeof STATISTICS)[number], number> = {
		gradientNorm: g,
		gradientMean: meanG,
		gradientVariance: finite > 0 ? Math.max(gg / finite - meanG * meanG, 0) : 0,
		gradientMaxAbs: Math.max(-least, most),
		parameterNorm: p,
		parameterMean: meanP,
		parameterVariance: Math.max(pp / size - meanP * meanP, 0),
		momentNorm: m * correction,
		updateNorm: u,
		updateRatio: u / (p + 1e-12),
		gradientMomentCosine: cosine(gm, g, m),
		gradientParameterCosine: cosine(gp, g, p),
		gradientUpdateCosine: cosine(gu, g, u),
		nonFiniteCount: size - finite,
	};
	for (const [i, name] of STATISTICS.entries()) out[i] = values[name];
}

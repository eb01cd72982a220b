import { STATISTIC_INDEX } from './statistics.js';

/** The statistics of the TypeScript reference, in float64. */

/** The values a layer's statistics are computed from, element by element; non-finite ones already left out. */
export interface LayerSamples {
	readonly gradients: number[];
	readonly parameters: number[];
	momentSquares: number;
	updateSquares: number;
	gradientMoment: number;
	gradientParameter: number;
	gradientUpdate: number;
	nonFinite: number;
}

function meanAndVariance(values: readonly number[]): [mean: number, variance: number] {
	if (values.length === 0) return [0, 0];
	let sum = 0;
	for (const value of values) sum += value;
	const mean = sum / values.length;
	let squares = 0;
	for (const value of values) squares += (value - mean) ** 2;
	return [mean, squares / values.length];
}

export function norm(values: readonly number[]): number {
	let squares = 0;
	for (const value of values) squares += value * value;
	return Math.sqrt(squares);
}

function cosine(product: number, norm1: number, norm2: number): number {
	return norm1 * norm2 > 0 ? Math.min(1, Math.max(-1, product / (norm1 * norm2))) : 0;
}

export function writeStatistics(samples: LayerSamples, momentCorrection: number | undefined, out: Float32Array): void {
	const gradientNorm = norm(samples.gradients);
	const parameterNorm = norm(samples.parameters);
	const updateNorm = Math.sqrt(samples.updateSquares);
	const momentNorm = momentCorrection === undefined ? gradientNorm : Math.sqrt(samples.momentSquares);
	const gradientMoment = momentCorrection === undefined ? gradientNorm ** 2 : samples.gradientMoment;
	const [gradientMean, gradientVariance] = meanAndVariance(samples.gradients);
	const [parameterMean, parameterVariance] = meanAndVariance(samples.parameters);
	let maxAbs = 0;
	for (const gradient of samples.gradients) maxAbs = Math.max(maxAbs, Math.abs(gradient));
	out[STATISTIC_INDEX.gradientNorm] = gradientNorm;
	out[STATISTIC_INDEX.gradientMean] = gradientMean;
	out[STATISTIC_INDEX.gradientVariance] = gradientVariance;
	out[STATISTIC_INDEX.gradientMaxAbs] = maxAbs;
	out[STATISTIC_INDEX.parameterNorm] = parameterNorm;
	out[STATISTIC_INDEX.parameterMean] = parameterMean;
	out[STATISTIC_INDEX.parameterVariance] = parameterVariance;
	out[STATISTIC_INDEX.momentNorm] = momentNorm * (momentCorrection ?? 1);
	out[STATISTIC_INDEX.updateNorm] = updateNorm;
	out[STATISTIC_INDEX.updateRatio] = updateNorm / (parameterNorm + 1e-12);
	out[STATISTIC_INDEX.gradientMomentCosine] = cosine(gradientMoment, gradientNorm, momentNorm);
	out[STATISTIC_INDEX.gradientParameterCosine] = cosine(samples.gradientParameter, gradientNorm, parameterNorm);
	out[STATISTIC_INDEX.gradientUpdateCosine] = cosine(samples.gradientUpdate, gradientNorm, updateNorm);
	out[STATISTIC_INDEX.nonFiniteCount] = samples.nonFinite;
}

export const finiteOrZero = (value: number): number => (Number.isFinite(value) ? value : 0);

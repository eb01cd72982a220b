import type { LayerwisePlanOptions } from '../../binding.d.ts';
import { ALGORITHMS, type Algorithm } from './algorithms.js';
import { STATISTIC_INDEX, STATISTICS } from './statistics.js';

/**
 * Every algorithm and statistic in plain TypeScript and float64: what the native kernels are tested against, and
 * `device: 'reference'` for machines without the addon. Parameters and moments are stored as float32, the arithmetic between is
 * float64, so one step differs from a native one by float32 rounding only. Formulas as in PyTorch; see docs/numerics.md.
 */

/** What a layerwise step needs of a back end; the native LayerwisePlan (binding.d.ts) has the same shape. */
export interface LayerwiseBackend {
	step(statistics: Float32Array | undefined, inverseScale: number): void;
	probe(statistics: Float32Array, inverseScale: number): void;
	readMoment(array: number, moment: number, out: Float32Array): void;
	writeMoment(array: number, moment: number, values: Float32Array): void;
	readSteps(out: Float64Array): void;
	writeSteps(values: Float64Array): void;
	dispose(): void;
}

interface ElementState {
	parameter: number;
	moment1: number;
	moment2: number;
}

interface LayerControls {
	readonly learningRate: number;
	readonly weightDecay: number;
	readonly momentum: number;
	/** Which step of this layer this is: 1 for the first. */
	readonly step: number;
}

/** Moment arrays a rule keeps beside the parameters. */
export const MOMENT_COUNT: Readonly<Record<Algorithm, number>> = {
	sgd: 0,
	momentum: 1,
	nesterov: 1,
	rmsprop: 1,
	adam: 2,
	adamw: 2,
};

/** Rules whose first moment is a velocity or a mean of gradients; the moment statistics of the others describe the gradient. */
export function keepsFirstMoment(algorithm: Algorithm): boolean {
	return algorithm !== 'sgd' && algorithm !== 'rmsprop';
}

function isAdam(algorithm: Algorithm): boolean {
	return algorithm === 'adam' || algorithm === 'adamw';
}

type Hyperparameters = LayerwisePlanOptions['hyperparameters'];

/** One element's step: the new state, before it is rounded to float32. */
function stepElement(
	algorithm: Algorithm,
	hyperparameters: Hyperparameters,
	controls: LayerControls,
	scaledGradient: number,
	old: ElementState,
): ElementState {
	const { beta1, beta2, epsilon, rho } = hyperparameters;
	const { learningRate, weightDecay, momentum, step } = controls;
	const gradient = algorithm === 'adamw' ? scaledGradient : scaledGradient + weightDecay * old.parameter;
	switch (algorithm) {
		case 'sgd':
			return { ...old, parameter: old.parameter - learningRate * gradient };
		case 'momentum':
		case 'nesterov': {
			const velocity = momentum * old.moment1 + gradient;
			const direction = algorithm === 'nesterov' ? gradient + momentum * velocity : velocity;
			return { ...old, parameter: old.parameter - learningRate * direction, moment1: velocity };
		}
		case 'rmsprop': {
			const average = rho * old.moment1 + (1 - rho) * gradient * gradient;
			const direction = gradient / (Math.sqrt(average) + epsilon);
			return { ...old, parameter: old.parameter - learningRate * direction, moment1: average };
		}
		case 'adam':
		case 'adamw': {
			const moment1 = old.moment1 + (1 - beta1) * (gradient - old.moment1);
			const moment2 = beta2 * old.moment2 + (1 - beta2) * gradient * gradient;
			const corrected1 = moment1 / (1 - beta1 ** step);
			const corrected2 = moment2 / (1 - beta2 ** step);
			const decayed = algorithm === 'adamw' ? old.parameter * (1 - learningRate * weightDecay) : old.parameter;
			return {
				parameter: decayed - (learningRate * corrected1) / (Math.sqrt(corrected2) + epsilon),
				moment1,
				moment2,
			};
		}
	}
}

/** The values a layer's statistics are computed from, element by element; non-finite ones already left out. */
interface LayerSamples {
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

function norm(values: readonly number[]): number {
	let squares = 0;
	for (const value of values) squares += value * value;
	return Math.sqrt(squares);
}

function cosine(product: number, norm1: number, norm2: number): number {
	return norm1 * norm2 > 0 ? Math.min(1, Math.max(-1, product / (norm1 * norm2))) : 0;
}

function writeStatistics(samples: LayerSamples, momentCorrection: number | undefined, out: Float32Array): void {
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

const finiteOrZero = (value: number): number => (Number.isFinite(value) ? value : 0);

/** The plan of binding.d.ts, in TypeScript. Takes the same options and ignores `threads` and `tier`. */
export class ReferencePlan implements LayerwiseBackend {
	readonly #options: LayerwisePlanOptions;
	readonly #algorithm: Algorithm;
	readonly #moments: readonly (readonly Float32Array[])[]; // [array][moment]
	readonly #steps: Float64Array;

	constructor(options: LayerwisePlanOptions) {
		this.#options = options;
		this.#algorithm = ALGORITHMS[options.algorithm] as Algorithm;
		this.#steps = new Float64Array(options.arraysPerLayer.length);
		this.#moments = options.parameters.map(({ length }) =>
			Array.from({ length: MOMENT_COUNT[this.#algorithm] }, () => new Float32Array(length)),
		);
	}

	step(statistics: Float32Array | undefined, inverseScale: number): void {
		this.#run(statistics, inverseScale, true);
	}

	probe(statistics: Float32Array, inverseScale: number): void {
		this.#run(statistics, inverseScale, false);
	}

	readMoment(array: number, moment: number, out: Float32Array): void {
		out.set(this.#moments[array]?.[moment] as Float32Array);
	}

	writeMoment(array: number, moment: number, values: Float32Array): void {
		this.#moments[array]?.[moment]?.set(values);
	}

	readSteps(out: Float64Array): void {
		out.set(this.#steps);
	}

	writeSteps(values: Float64Array): void {
		this.#steps.set(values);
	}

	dispose(): void {}

	/** [first, end) of the arrays of every layer. */
	*#layers(): Generator<readonly [layer: number, first: number, end: number]> {
		let first = 0;
		for (const [layer, count] of this.#options.arraysPerLayer.entries()) {
			yield [layer, first, first + count];
			first += count;
		}
	}

	#skippedLayers(inverseScale: number): boolean[] {
		const { nonFinite, gradients, arraysPerLayer } = this.#options;
		const skipped = Array.from(arraysPerLayer, () => false);
		if (nonFinite !== 1 && nonFinite !== 2) return skipped;
		for (const [layer, first, end] of this.#layers()) {
			for (const array of gradients.slice(first, end)) {
				for (const gradient of array) {
					if (!Number.isFinite(Math.fround(gradient * inverseScale))) skipped[layer] = true;
				}
			}
		}
		return nonFinite === 2 && skipped.includes(true) ? skipped.fill(true) : skipped;
	}

	#run(statistics: Float32Array | undefined, inverseScale: number, store: boolean): void {
		const skipped = this.#skippedLayers(inverseScale);
		for (const [layer, first, end] of this.#layers()) {
			const samples: LayerSamples = {
				gradients: [],
				parameters: [],
				momentSquares: 0,
				updateSquares: 0,
				gradientMoment: 0,
				gradientParameter: 0,
				gradientUpdate: 0,
				nonFinite: 0,
			};
			const skip = skipped[layer] === true;
			const step = (this.#steps[layer] as number) + (skip ? 0 : 1);
			for (let array = first; array < end; array++) {
				this.#stepArray(array, layer, step, inverseScale, skip, store && !skip, samples);
			}
			if (statistics !== undefined) {
				const correction = isAdam(this.#algorithm)
					? 1 / (step === 0 ? 1 : 1 - this.#options.hyperparameters.beta1 ** step)
					: 1;
				const out = statistics.subarray(layer * STATISTICS.length, (layer + 1) * STATISTICS.length);
				writeStatistics(samples, keepsFirstMoment(this.#algorithm) ? correction : undefined, out);
			}
			if (store) this.#steps[layer] = step;
		}
	}

	#stepArray(
		array: number,
		layer: number,
		step: number,
		inverseScale: number,
		skip: boolean,
		store: boolean,
		samples: LayerSamples,
	): void {
		const { controls, hyperparameters, nonFinite } = this.#options;
		const parameters = this.#options.parameters[array] as Float32Array;
		const gradients = this.#options.gradients[array] as Float32Array;
		const [moments1, moments2] = this.#moments[array] as readonly [Float32Array?, Float32Array?];
		const layerControls: LayerControls = {
			learningRate: controls[layer * 3] as number,
			weightDecay: controls[layer * 3 + 1] as number,
			momentum: controls[layer * 3 + 2] as number,
			step,
		};
		for (let i = 0; i < parameters.length; i++) {
			const gradient = Math.fround((gradients[i] as number) * inverseScale);
			const old: ElementState = {
				parameter: parameters[i] as number,
				moment1: moments1?.[i] ?? 0,
				moment2: moments2?.[i] ?? 0,
			};
			const exact = skip ? old : stepElement(this.#algorithm, hyperparameters, layerControls, gradient, old);
			let stepped: ElementState = {
				parameter: Math.fround(exact.parameter),
				moment1: Math.fround(exact.moment1),
				moment2: Math.fround(exact.moment2),
			};
			const finite = [gradient, stepped.parameter, stepped.moment1, stepped.moment2].every(Number.isFinite);
			if (!finite) {
				samples.nonFinite++;
				if (nonFinite !== 3) stepped = old; // 3: propagate
			}
			if (Number.isFinite(gradient)) samples.gradients.push(gradient);
			if (Number.isFinite(old.parameter)) samples.parameters.push(old.parameter);
			const knownGradient = finiteOrZero(gradient);
			const moment = finiteOrZero(stepped.moment1);
			const update = finiteOrZero(Math.fround(stepped.parameter - old.parameter));
			samples.momentSquares += moment * moment;
			samples.updateSquares += update * update;
			samples.gradientMoment += knownGradient * moment;
			samples.gradientParameter += knownGradient * finiteOrZero(old.parameter);
			samples.gradientUpdate += knownGradient * update;
			if (store) {
				parameters[i] = stepped.parameter;
				if (moments1 !== undefined) moments1[i] = stepped.moment1;
				if (moments2 !== undefined) moments2[i] = stepped.moment2;
			}
		}
	}
}

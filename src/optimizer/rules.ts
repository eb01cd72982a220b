import type { LayerwisePlanOptions } from '../../binding.d.ts';
import type { LayerwiseAlgorithm } from './algorithms.js';

/** Every rule in plain TypeScript and float64, an element at a time. Formulas and sources: docs/algorithms.md. */

export interface ElementState {
	parameter: number;
	moment1: number;
	moment2: number;
}

export interface LayerControls {
	readonly learningRate: number;
	readonly weightDecay: number;
	readonly momentum: number;
	/** Which step of this array this is: 1 for the first. */
	readonly step: number;
	/** Multiplies the scaled gradient. */
	readonly clip: number;
	/** LARS, LAMB: 1 for layers that do not adapt. */
	readonly trust: number;
}

/** Trust ratios, and LAMB's learning rate times its own, are at most this. */
export const LARGEST_FLOAT = (2 - 2 ** -23) * 2 ** 127;

/** Moment arrays a rule keeps beside the parameters. */
export const MOMENT_COUNT: Readonly<Record<LayerwiseAlgorithm, number>> = {
	sgd: 0,
	momentum: 1,
	nesterov: 1,
	rmsprop: 1,
	adam: 2,
	adamw: 2,
	lion: 1,
	lars: 1,
	lamb: 2,
};

/** Rules whose first moment is a velocity or a mean of gradients; the moment statistics of the others describe the gradient. */
export function keepsFirstMoment(algorithm: LayerwiseAlgorithm): boolean {
	return algorithm !== 'sgd' && algorithm !== 'rmsprop';
}

/** Rules whose first moment is corrected for its start at 0. */
export function correctsMoment(algorithm: LayerwiseAlgorithm): boolean {
	return algorithm === 'adam' || algorithm === 'adamw' || algorithm === 'lamb';
}

export function usesMomentum(algorithm: LayerwiseAlgorithm): boolean {
	return algorithm === 'momentum' || algorithm === 'nesterov' || algorithm === 'lars';
}

type Hyperparameters = LayerwisePlanOptions['hyperparameters'];

/**
 * The mean of gradients m + (1 − β₁)(g − m), as torch.lerp computes it: where β₁ ≤ 0.5 from the side of g, so that a g which is small
 * beside m is not lost, and is all there is where β₁ = 0.
 */
export function lerpMoment(beta1: number, moment: number, gradient: number): number {
	const way = gradient - moment;
	return beta1 <= 0.5 ? gradient - beta1 * way : moment + (1 - beta1) * way;
}

function mixMoments(
	{ beta1, beta2 }: Hyperparameters,
	gradient: number,
	old: ElementState,
): Pick<ElementState, 'moment1' | 'moment2'> {
	return {
		moment1: lerpMoment(beta1, old.moment1, gradient),
		moment2: beta2 * old.moment2 + (1 - beta2) * gradient * gradient,
	};
}

/** LAMB's r of one element; NaN where a moment is beyond float32. */
export function lambDirection(
	hyperparameters: Hyperparameters,
	{ step, weightDecay }: LayerControls,
	gradient: number,
	old: ElementState,
): number {
	const { moment1, moment2 } = mixMoments(hyperparameters, gradient, old);
	if (![moment1, moment2].every((moment) => Number.isFinite(Math.fround(moment)))) return Number.NaN;
	const corrected1 = moment1 / (1 - hyperparameters.beta1 ** step);
	const corrected2 = moment2 / (1 - hyperparameters.beta2 ** step);
	return corrected1 / (Math.sqrt(corrected2) + hyperparameters.epsilon) + weightDecay * old.parameter;
}

/** One element's step: the new state, before it is rounded to float32. */
export function stepElement(
	algorithm: LayerwiseAlgorithm,
	hyperparameters: Hyperparameters,
	controls: LayerControls,
	clippedGradient: number,
	old: ElementState,
): ElementState {
	const { beta1, beta2, epsilon, rho } = hyperparameters;
	const { learningRate, weightDecay, momentum, step, trust } = controls;
	const decoupled = algorithm === 'adamw' || algorithm === 'lion' || algorithm === 'lamb';
	const gradient = decoupled ? clippedGradient : clippedGradient + weightDecay * old.parameter;
	switch (algorithm) {
		case 'sgd':
			return { ...old, parameter: old.parameter - learningRate * gradient };
		case 'momentum':
		case 'nesterov': {
			const velocity = momentum * old.moment1 + gradient;
			const direction = algorithm === 'nesterov' ? gradient + momentum * velocity : velocity;
			return { ...old, parameter: old.parameter - learningRate * direction, moment1: velocity };
		}
		case 'lars': {
			const velocity = momentum * old.moment1 + trust * gradient;
			return { ...old, parameter: old.parameter - learningRate * velocity, moment1: velocity };
		}
		case 'lion': {
			const sign = Math.sign(beta1 * old.moment1 + (1 - beta1) * gradient);
			const parameter = old.parameter * (1 - learningRate * weightDecay) - learningRate * sign;
			return { ...old, parameter, moment1: beta2 * old.moment1 + (1 - beta2) * gradient };
		}
		case 'lamb': {
			const direction = lambDirection(hyperparameters, controls, gradient, old);
			return {
				parameter: old.parameter - Math.min(learningRate * trust, LARGEST_FLOAT) * direction,
				...mixMoments(hyperparameters, gradient, old),
			};
		}
		case 'rmsprop': {
			const average = rho * old.moment1 + (1 - rho) * gradient * gradient;
			const direction = gradient / (Math.sqrt(average) + epsilon);
			return { ...old, parameter: old.parameter - learningRate * direction, moment1: average };
		}
		case 'adam':
		case 'adamw': {
			const { moment1, moment2 } = mixMoments(hyperparameters, gradient, old);
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

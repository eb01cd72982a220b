import type { Algorithm, OptimizerSpec } from '../../optimizer/algorithms.js';
import { resolveHyperparameters } from '../../optimizer/optimizer-options.js';
import { lerpMoment } from '../../optimizer/rules.js';

/** What an optimiser subtracts from the parameters at learning rate 1, step by step; formulas as in docs/algorithms.md. */
export interface UpdateDirection {
	/** `[parameters]`: the last direction; zeros before the first step. */
	readonly values: Float32Array;
	/** Decay that is not part of the direction: the step also multiplies parameters by 1 − learning rate × this. */
	readonly decoupledDecay: number;
	/** Takes in a gradient at the parameters and brings `values` up to date. */
	update(gradient: Float32Array, parameters: Float32Array): void;
}

/**
 * The direction of a population's optimiser, in plain TypeScript: float32 storage, float64 arithmetic.
 * @param size number of parameters
 */
export function updateDirection(optimizer: OptimizerSpec, size: number): UpdateDirection {
	const algorithm: Algorithm = optimizer.algorithm;
	const { beta1, beta2, epsilon, momentum, rho, weightDecay } = resolveHyperparameters(
		algorithm,
		optimizer.hyperparameters,
	);
	const coupledDecay = algorithm === 'adamw' ? 0 : weightDecay;
	const values = new Float32Array(size);
	const first = new Float32Array(algorithm === 'sgd' ? 0 : size);
	const second = new Float32Array(algorithm === 'adam' || algorithm === 'adamw' ? size : 0);
	let step = 0;

	const element = (gradient: number, i: number, correction1: number, correction2: number): number => {
		switch (algorithm) {
			case 'sgd':
				return gradient;
			case 'momentum':
			case 'nesterov': {
				const velocity = momentum * first[i]! + gradient;
				first[i] = velocity;
				return algorithm === 'nesterov' ? gradient + momentum * velocity : velocity;
			}
			case 'rmsprop': {
				const average = rho * first[i]! + (1 - rho) * gradient * gradient;
				first[i] = average;
				return gradient / (Math.sqrt(average) + epsilon);
			}
			case 'adam':
			case 'adamw': {
				const moment1 = lerpMoment(beta1, first[i]!, gradient);
				const moment2 = beta2 * second[i]! + (1 - beta2) * gradient * gradient;
				first[i] = moment1;
				second[i] = moment2;
				return (moment1 * correction1) / (Math.sqrt(moment2 * correction2) + epsilon);
			}
		}
	};

	return {
		values,
		decoupledDecay: algorithm === 'adamw' ? weightDecay : 0,
		update(gradient, parameters) {
			step++;
			const correction1 = 1 / (1 - beta1 ** step);
			const correction2 = 1 / (1 - beta2 ** step);
			for (let i = 0; i < size; i++) {
				values[i] = element(gradient[i]! + coupledDecay * parameters[i]!, i, correction1, correction2);
			}
		},
	};
}

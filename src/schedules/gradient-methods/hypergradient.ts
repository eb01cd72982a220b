import { checkKeys, checkNumber, checkOneOf, keysOf } from '../../arguments.js';
import type { GradientMethod, GradientMethodStart } from './gradient-method.js';
import { updateDirection } from './update-direction.js';

export interface HypergradientOptions {
	/** β, the learning rate's own learning rate. Default 1e-3 for sgd, momentum and nesterov, 1e-7 for the rest: the values the paper's
	 * experiments with fully connected networks were run with; 0.02 for the multiplicative form. */
	readonly beta?: number;
	/** 'additive' (default): α ← α + β g·d. 'multiplicative': α ← α (1 + β cos(g, d)), which no scale of the loss changes. */
	readonly form?: 'additive' | 'multiplicative';
}

const OPTION_NAMES = keysOf<HypergradientOptions>({ beta: true, form: true });

const RESCALING = new Set(['rmsprop', 'adam', 'adamw']);

/**
 * Hypergradient descent (Baydin, Cornish, Martínez Rubio, Schmidt & Wood 2018): one learning rate α, which descends the gradient of
 * the loss with respect to itself, at every step: −g_t · d_{t−1}, d_{t−1} being the direction of the step before. SGD-HD, SGDN-HD or
 * Adam-HD, as the task's optimiser is. α may become negative, as published.
 */
export function hypergradient(start: GradientMethodStart, options: HypergradientOptions = {}): GradientMethod {
	checkKeys(options, 'options', OPTION_NAMES);
	const form = checkOneOf(options.form ?? 'additive', 'form', ['additive', 'multiplicative']);
	const rescaling = RESCALING.has(start.optimizer.algorithm);
	const additive = form === 'additive';
	const beta = checkNumber(options.beta ?? (additive ? (rescaling ? 1e-7 : 1e-3) : 0.02), 'beta', 0);
	const parameters = start.parameters.slice();
	const direction = updateDirection(start.optimizer, parameters.length);
	let learningRate = start.learningRate;

	return {
		point: parameters,
		solution: parameters,
		get learningRate() {
			return learningRate;
		},
		step(gradient) {
			const previous = direction.values;
			let product = 0;
			let squares = 0;
			let previousSquares = 0;
			for (const { begin, end, multiplier } of start.layers) {
				for (let i = begin; i < end; i++) {
					// The loss's slope in α: layer l's step was α × its multiplier × the direction.
					const moved = previous[i]! * multiplier;
					product += gradient[i]! * moved;
					squares += gradient[i]! * gradient[i]!;
					previousSquares += moved * moved;
				}
			}
			if (additive) {
				learningRate += beta * product;
			} else {
				const norms = Math.sqrt(squares * previousSquares);
				if (norms > 0) learningRate *= 1 + (beta * product) / norms;
			}
			direction.update(gradient, parameters);
			let check = 0;
			for (const { begin, end, multiplier } of start.layers) {
				const rate = learningRate * multiplier;
				const kept = 1 - rate * direction.decoupledDecay;
				for (let i = begin; i < end; i++) {
					parameters[i] = kept * parameters[i]! - rate * previous[i]!;
					check += parameters[i]! * 0; // NaN once anything is not finite
				}
			}
			return check === 0;
		},
	};
}

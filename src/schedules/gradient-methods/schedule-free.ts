import { checkKeys, checkNumber, invalidArgument, keysOf } from '../../arguments.js';
import { resolveHyperparameters } from '../../optimizer/optimizer-options.js';
import type { GradientMethod, GradientMethodStart } from './gradient-method.js';

export interface ScheduleFreeOptions {
	/** β: the gradient is taken at (1 − β) z + β x (default 0.9). */
	readonly beta?: number;
	/** β₂ of the AdamW form (default 0.999). */
	readonly beta2?: number;
	/** Default 1e-8. */
	readonly epsilon?: number;
}

const OPTION_NAMES = keysOf<ScheduleFreeOptions>({ beta: true, beta2: true, epsilon: true });

const RESCALING = new Set(['rmsprop', 'adam', 'adamw']);

/**
 * Schedule-Free learning (Defazio, Yang, Mehta, Mishchenko, Khaled & Cutkosky 2024): no schedule and no horizon; z takes the steps, x is
 * the mean of the z so far weighted by the squared learning rates, and is what is judged. AdamW's form for rmsprop, adam and adamw (γ_t =
 * γ √(1 − β₂^t), the second moment itself not corrected, as in the paper's Algorithm 1); sgd's form for the rest. No warm-up. Weight decay is
 * the task's, applied at y.
 */
export function scheduleFree(start: GradientMethodStart, options: ScheduleFreeOptions = {}): GradientMethod {
	checkKeys(options, 'options', OPTION_NAMES);
	const beta = belowOne(options.beta ?? 0.9, 'beta');
	const beta2 = belowOne(options.beta2 ?? 0.999, 'beta2');
	const epsilon = checkNumber(options.epsilon ?? 1e-8, 'epsilon', Number.MIN_VALUE);
	const { algorithm, hyperparameters } = start.optimizer;
	const { weightDecay } = resolveHyperparameters(algorithm, hyperparameters);
	const rescales = RESCALING.has(algorithm);
	const point = start.parameters.slice(); // y
	const solution = start.parameters.slice(); // x
	const z = start.parameters.slice();
	const second = new Float32Array(rescales ? point.length : 0);
	let step = 0;
	let weights = 0;

	return {
		point,
		solution,
		learningRate: start.learningRate,
		step(gradient) {
			step++;
			const correction = rescales ? 1 - beta2 ** step : 1;
			weights += correction; // γ_t² over γ²
			const weight = correction / weights;
			let check = 0;
			for (const { begin, end, multiplier } of start.layers) {
				const rate = start.learningRate * Math.sqrt(correction) * multiplier;
				for (let i = begin; i < end; i++) {
					let direction = gradient[i]!;
					if (rescales) {
						const moment = beta2 * second[i]! + (1 - beta2) * direction * direction;
						second[i] = moment;
						direction /= Math.sqrt(moment) + epsilon;
					}
					direction += weightDecay * point[i]!;
					const moved = z[i]! - rate * direction;
					const mean = solution[i]! + weight * (moved - solution[i]!);
					z[i] = moved;
					solution[i] = mean;
					point[i] = moved + beta * (mean - moved);
					check += point[i]! * 0 + solution[i]! * 0; // NaN once anything is not finite
				}
			}
			return check === 0;
		},
	};
}

function belowOne(value: number, name: string): number {
	if (checkNumber(value, name, 0) >= 1) throw invalidArgument('a number from 0 up to, but below, 1', name, value);
	return value;
}

import { checkKeys, checkNumber, keysOf } from '../../arguments.js';
import { resolveHyperparameters } from '../../optimizer/optimizer-options.js';
import type { GradientMethod, GradientMethodStart } from './gradient-method.js';

export interface ProdigyOptions {
	/** First estimate of the distance to the solution, d₀ (default 1e-6). */
	readonly initialDistance?: number;
	/** Multiplies every later estimate (default 1). */
	readonly coefficient?: number;
}

const OPTION_NAMES = keysOf<ProdigyOptions>({ initialDistance: true, coefficient: true });

const BETA1 = 0.9;
const BETA2 = 0.999;
const BETA3 = Math.sqrt(BETA2);
const EPSILON = 1e-8;

/**
 * Prodigy in its Adam form (Mishchenko & Defazio 2023, Algorithm 4): estimates the distance d to the solution and takes it for the learning
 * rate, so none is given: the task's initial learning rate is not used, its layer multipliers are. Settings are the authors': learning rate
 * factor 1 and constant, β₃ = √β₂, no bias correction, no limit on d's growth; the decoupled weight decay is the task's. It is Adam whatever
 * the task's optimiser is.
 */
export function prodigy(start: GradientMethodStart, options: ProdigyOptions = {}): GradientMethod {
	checkKeys(options, 'options', OPTION_NAMES);
	const initial = checkNumber(options.initialDistance ?? 1e-6, 'initialDistance', Number.MIN_VALUE);
	const coefficient = checkNumber(options.coefficient ?? 1, 'coefficient', Number.MIN_VALUE);
	const { algorithm, hyperparameters } = start.optimizer;
	const { weightDecay } = resolveHyperparameters(algorithm, hyperparameters);
	const origin = start.parameters.slice();
	const parameters = start.parameters.slice();
	const first = new Float32Array(parameters.length);
	const second = new Float32Array(parameters.length);
	const sums = new Float32Array(parameters.length); // s
	let distance = initial;
	let largest = initial;
	let numerator = 0;
	let applied = initial;

	return {
		point: parameters,
		solution: parameters,
		get learningRate() {
			return applied;
		},
		step(gradient) {
			const scale = (distance / initial) * distance; // d / d₀ keeps the sums from underflowing
			numerator *= BETA3;
			let denominator = 0;
			for (let i = 0; i < parameters.length; i++) {
				const value = gradient[i]!;
				numerator += scale * value * (origin[i]! - parameters[i]!);
				first[i] = BETA1 * first[i]! + (1 - BETA1) * distance * value;
				second[i] = BETA2 * second[i]! + (1 - BETA2) * distance * distance * value * value;
				sums[i] = BETA3 * sums[i]! + scale * value;
				denominator += Math.abs(sums[i]!);
			}
			if (denominator === 0) return true; // no gradient yet: nothing to go by
			applied = distance;
			const estimate = (coefficient * numerator) / denominator;
			if (distance === initial) distance = Math.max(distance, estimate);
			largest = Math.max(largest, estimate);
			distance = largest;
			let check = 0;
			for (const { begin, end, multiplier } of start.layers) {
				const rate = applied * multiplier;
				for (let i = begin; i < end; i++) {
					const kept = parameters[i]! * (1 - weightDecay * rate);
					parameters[i] = kept - (rate * first[i]!) / (Math.sqrt(second[i]!) + distance * EPSILON);
					check += parameters[i]! * 0; // NaN once anything is not finite
				}
			}
			return check === 0;
		},
	};
}

import { RULES } from './rules.js';

/** Algorithms of LayerwiseOptimizer. */
export type LayerwiseAlgorithm = keyof typeof RULES;

/** In the order of `enum class Algorithm` (native/core/optimizer_rule.h). */
export const LAYERWISE_ALGORITHMS = Object.keys(RULES) as readonly LayerwiseAlgorithm[];

/** Algorithms that populations train with: the first ones of {@link LAYERWISE_ALGORITHMS}. */
export const ALGORITHMS = [
	'sgd',
	'momentum',
	'nesterov',
	'rmsprop',
	'adam',
	'adamw',
] as const satisfies readonly LayerwiseAlgorithm[];

export type Algorithm = (typeof ALGORITHMS)[number];

/** PyTorch's formulas and defaults; `epsilon` must be above 0. */
export interface Hyperparameters {
	readonly beta1?: number; // 0.9; adam, adamw
	readonly beta2?: number; // 0.999; adam, adamw
	readonly epsilon?: number; // 1e-8; adam, adamw, rmsprop
	readonly momentum?: number; // 0.9; momentum, nesterov
	readonly rho?: number; // 0.99; rmsprop (PyTorch: alpha)
	readonly weightDecay?: number; // 0; adamw 0.01 (decoupled), the others add it to the gradient
}

export interface OptimizerSpec {
	readonly algorithm: Algorithm;
	readonly hyperparameters?: Hyperparameters;
}

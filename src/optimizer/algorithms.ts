/** Algorithms that populations train with. */
export const ALGORITHMS = ['sgd', 'momentum', 'nesterov', 'rmsprop', 'adam', 'adamw'] as const;

export type Algorithm = (typeof ALGORITHMS)[number];

/** Algorithms of LayerwiseOptimizer, in the order of `enum class Algorithm` (native/core/optimizer_rule.h). */
export const LAYERWISE_ALGORITHMS = [...ALGORITHMS, 'lion', 'lars', 'lamb'] as const;

export type LayerwiseAlgorithm = (typeof LAYERWISE_ALGORITHMS)[number];

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

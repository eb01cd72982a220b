import type { OptimizerSpec } from '../../optimizer/algorithms.js';

/**
 * Methods that must see every step's gradient, element by element, and so cannot be controllers: plain TypeScript over
 * `NetworkPopulation.lossAndGradient`, on the batches that the population itself would draw.
 */
export interface GradientMethod {
	/** `[parameters]`: where the next step's gradient is to be taken; the method's own array, changed by `step`. */
	readonly point: Float32Array;
	/** `[parameters]`: what is judged; may be `point` itself. */
	readonly solution: Float32Array;
	/** What the last step multiplied its direction by, layer multipliers apart. */
	readonly learningRate: number;
	/**
	 * One step.
	 * @param gradient at `point`
	 * @returns whether all parameters are still finite
	 */
	step(gradient: Float32Array): boolean;
}

/** One layer's parameters: elements `begin` to `end`, and what multiplies the learning rate there. */
export interface LayerSegment {
	readonly begin: number;
	readonly end: number;
	readonly multiplier: number;
}

/** What a method starts from. */
export interface GradientMethodStart {
	/** `[parameters]`, copied */
	readonly parameters: Float32Array;
	/** The task's optimiser: the method takes its direction, or its kind of it. */
	readonly optimizer: OptimizerSpec;
	readonly learningRate: number;
	/** The layers, in order, without gaps. */
	readonly layers: readonly LayerSegment[];
}

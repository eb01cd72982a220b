import { checkKeys, checkNumber, checkOneOf, invalidArgument, keysOf } from '../arguments.js';
import { LayerwiseController } from '../control/layerwise-controller.js';
import { checkInstance } from '../copies.js';
import { GannoError } from '../errors.js';
import type { LayerwiseAlgorithm } from '../optimizer/algorithms.js';
import {
	checkLayerwiseAlgorithm,
	checkThreads,
	type LayerwiseHyperparameters,
	type LayerwiseOptimizerOptions,
	NON_FINITE_POLICIES,
	resolveClip,
	resolveHyperparameters,
} from '../optimizer/optimizer-options.js';
import { layerOfVariable } from './variables/variable-names.js';

/** Options of LayerwiseTfOptimizer, and their checks. */

export interface LayerwiseTfOptimizerOptions
	extends Pick<LayerwiseOptimizerOptions, 'algorithm' | 'nonFinite' | 'clip' | 'threads'> {
	/** Of all layers; default 0.001. Not with a controller, whose own option it is. */
	readonly learningRate?: number;
	/** Sets the learning rates, layer by layer. */
	readonly controller?: LayerwiseController;
	/** As {@link LayerwiseOptimizer}'s, except that `epsilon` of adam, adamw and rmsprop defaults to tfjs's own, 1e-7. */
	readonly hyperparameters?: LayerwiseHyperparameters;
	/** The layer a variable belongs to, by its name. Default: what stands before the last slash. */
	readonly layerOf?: (variableName: string) => string;
}

const OPTION_NAMES = keysOf<LayerwiseTfOptimizerOptions>({
	algorithm: true,
	learningRate: true,
	controller: true,
	hyperparameters: true,
	nonFinite: true,
	clip: true,
	layerOf: true,
	threads: true,
});

export interface ResolvedTfOptimizerOptions {
	readonly learningRate: number;
	readonly controller: LayerwiseController | undefined;
	readonly layerOf: (variableName: string) => string;
	/** Whether `layerOf` is the default, which needs named variables. */
	readonly layersByName: boolean;
	/** Options of `LayerwiseOptimizer`, except layers. */
	readonly step: Pick<LayerwiseTfOptimizerOptions, 'algorithm' | 'nonFinite' | 'clip' | 'threads'> & {
		readonly hyperparameters: LayerwiseHyperparameters;
	};
}

const TFJS_EPSILON = 1e-7; // tf.backend().epsilon() of 32-bit back ends

function withEpsilon(algorithm: LayerwiseAlgorithm, given: LayerwiseHyperparameters = {}): LayerwiseHyperparameters {
	const usesEpsilon = algorithm === 'adam' || algorithm === 'adamw' || algorithm === 'rmsprop';
	return usesEpsilon ? { ...given, epsilon: given.epsilon ?? TFJS_EPSILON } : given;
}

/** @throws GannoError `INVALID_ARGUMENT` */
export function resolveTfOptimizerOptions(value: unknown): ResolvedTfOptimizerOptions {
	checkKeys(value, 'options', OPTION_NAMES);
	const options = value as LayerwiseTfOptimizerOptions;
	const { controller, learningRate, hyperparameters, nonFinite, clip, layerOf, threads } = options;
	const algorithm = checkLayerwiseAlgorithm(options.algorithm);
	resolveHyperparameters(algorithm, hyperparameters);
	if (nonFinite !== undefined) checkOneOf(nonFinite, 'nonFinite', NON_FINITE_POLICIES);
	resolveClip(clip);
	checkThreads(threads);
	if (controller !== undefined) checkInstance(controller, LayerwiseController, 'controller');
	if (controller !== undefined && learningRate !== undefined) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			'The learning rates are the controller’s: give options.learningRate to the controller, not to the optimizer',
		);
	}
	if (layerOf !== undefined && typeof layerOf !== 'function') throw invalidArgument('a function', 'layerOf', layerOf);
	return {
		learningRate: checkNumber(learningRate ?? 1e-3, 'learningRate', 0),
		controller,
		layerOf: layerOf ?? layerOfVariable,
		layersByName: layerOf === undefined,
		step: {
			algorithm,
			hyperparameters: withEpsilon(algorithm, hyperparameters),
			...(nonFinite === undefined ? {} : { nonFinite }),
			...(clip === undefined ? {} : { clip: { ...clip } }),
			...(threads === undefined ? {} : { threads }),
		},
	};
}

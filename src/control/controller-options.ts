import { types } from 'node:util';
import { checkFunction, checkInteger, checkKeys, checkNumber, invalidArgument, keysOf } from '../arguments.js';
import type { ControlledTraining, Controller } from '../environment/controller.js';
import type { Granularity } from '../environment/observations/observer.js';
import { PROBE_BATCHES } from '../environment/training-environment.js';
import { GannoError } from '../errors.js';
import type { TrainableLayer } from '../networks/spec.js';
import type { RegisteredLayer } from '../optimizer/layerwise-optimizer.js';
import { checkLayerwiseAlgorithm, resolveHyperparameters } from '../optimizer/optimizer-options.js';
import { ASYNC_ADVICE } from './losses.js';

/** Options of a LayerwiseController, and their checks. */

/** A layer under control: the parameters that one learning rate applies to. */
export interface ControlledLayer {
	readonly name: string;
	/** Elements of its parameters, biases included; may be 0. */
	readonly size: number;
	/** Sets the feature `isConvolution`; default `dense`. */
	readonly type?: 'dense' | 'conv';
}

/** What happens when a training under control diverges. */
export interface RollbackOptions {
	/** After a rollback, learning rates are those of the snapshot times this; default 0.1. */
	readonly factor?: number;
	/** Rollbacks in a whole training, after which `DIVERGED` is thrown; default 5. */
	readonly limit?: number;
	/** Saves a copy of parameters and optimiser state. Attached controllers have their own; by hand, both functions are needed. */
	readonly save?: () => void;
	/** Restores the last saved copy, any number of times. */
	readonly restore?: () => void;
}

/** The scale by which losses are compared. */
export interface DivergenceScale {
	/**
	 * A lower bound of the scale of losses, above 0: a loss counts as too high when it is three times this above the first one, or more
	 * where the losses' own scale is larger.
	 */
	readonly scale: number;
}

/** A decision and its inputs. Arrays belong to the controller and are overwritten: copy what you keep. */
export interface DecisionReport {
	/** Mini-batches observed so far, as `LayerwiseController.step`. */
	readonly step: number;
	readonly layerNames: readonly string[];
	/** `[layers]` from now on, base schedule apart */
	readonly learningRates: Float32Array;
	/** `[layers × POPULATION_STATISTICS]` of the last interval */
	readonly statistics: Float32Array;
	/** `[agents × OBSERVATION_SIZE]`, not normalised */
	readonly observations: Float32Array;
	readonly trainingLoss: number;
	readonly validationLoss: number;
	/** `[agents]`; undefined where the controller has no actions */
	readonly actions: Uint8Array | undefined;
	/** Whether the training was rolled back instead. */
	readonly rolledBack: boolean;
}

export interface LayerwiseControllerOptions {
	/** Where learning rates start: one for all layers, or one a layer; finite, above 0. */
	readonly learningRate: number | Float32Array;
	/**
	 * Mini-batches of the whole training, the probing ones among them; absent: unknown. After it, learning rates stay as they are.
	 */
	readonly horizon?: number;
	/** Optimiser steps between decisions. Default: a 20th of the steps, as in meta-training; 50 where the horizon is unknown. */
	readonly interval?: number;
	/**
	 * Probing mini-batches at the start of the training: their gradients are observed for the first decision and change no parameter. They
	 * count towards the horizon. Default 4, as in meta-training, for controllers that use statistics (fewer where that would leave no step),
	 * else 0.
	 */
	readonly probeBatches?: number;
	/** Every learning rate applied lies within; default 0 to Infinity. (Policies stay within [1e-6, 1].) */
	readonly bounds?: { readonly low?: number; readonly high?: number };
	/** Measures the loss on held-out data, at decisions only. Absent: the mean training loss of the interval stands in for it. */
	readonly validationLoss?: () => number;
	/**
	 * What counts as divergence besides a loss that is not finite. Default true: losses far above the first one, at three decisions in a row,
	 * relative to a scale taken from the losses (docs/control.md has the rule). `{ scale }`: a lower bound of that scale, for a loss that
	 * starts small and rises in a healthy training, as a critic's does. False: nothing.
	 */
	readonly divergence?: boolean | DivergenceScale;
	/** Roll back to the last safe snapshot when the training diverges; default false. */
	readonly rollback?: boolean | RollbackOptions;
	/** Called after every decision. */
	readonly onDecision?: (report: DecisionReport) => void;
}

/** A controller, and the granularity of its observations. */
export interface DecisionSource {
	readonly controller: Controller;
	readonly granularity: Granularity;
}

export const DEFAULT_INTERVAL = 50;
const DEFAULT_DECISIONS = 20;
const DEFAULT_ROLLBACK_FACTOR = 0.1;
const DEFAULT_ROLLBACK_LIMIT = 5;

export interface ResolvedControllerOptions {
	readonly learningRate: number | Float32Array;
	/** Optimiser steps, probing mini-batches apart. */
	readonly horizon: number;
	readonly interval: number;
	readonly probeBatches: number;
	readonly low: number;
	readonly high: number;
	readonly validationLoss: (() => number) | undefined;
	/** Lower bound of the scale of losses; 0: from the losses alone, Infinity: no loss is too high. */
	readonly leastScale: number;
	readonly rollback: (RollbackOptions & { readonly factor: number; readonly limit: number }) | undefined;
	readonly onDecision: ((report: DecisionReport) => void) | undefined;
}

const OPTION_NAMES = keysOf<LayerwiseControllerOptions>({
	learningRate: true,
	horizon: true,
	interval: true,
	probeBatches: true,
	bounds: true,
	validationLoss: true,
	divergence: true,
	rollback: true,
	onDecision: true,
});

const BOUNDS_KEYS = keysOf<NonNullable<LayerwiseControllerOptions['bounds']>>({ low: true, high: true });
const DIVERGENCE_KEYS = keysOf<DivergenceScale>({ scale: true });
const ROLLBACK_KEYS = keysOf<RollbackOptions>({ factor: true, limit: true, save: true, restore: true });
const OPTIMIZER_KEYS = keysOf<ControlledTraining['optimizer']>({ algorithm: true, hyperparameters: true });

/** Layers of an optimizer and of a population are accepted as layers to control, with their further keys. */
const LAYER_KEYS = [
	...keysOf<ControlledLayer>({ name: true, size: true, type: true }),
	...keysOf<Pick<RegisteredLayer, 'parameters'>>({ parameters: true }),
	...keysOf<Pick<TrainableLayer, 'weightShape' | 'scaleShape' | 'biasShape'>>({
		weightShape: true,
		scaleShape: true,
		biasShape: true,
	}),
];

function checkRate(rate: unknown, name: string): void {
	if (typeof rate !== 'number' || !(rate > 0) || !Number.isFinite(rate)) {
		throw invalidArgument('a finite number above 0', name, rate);
	}
}

function resolveRollback(value: unknown): ResolvedControllerOptions['rollback'] {
	if (value === undefined || value === false) return undefined;
	if (value === true) return { factor: DEFAULT_ROLLBACK_FACTOR, limit: DEFAULT_ROLLBACK_LIMIT };
	if (typeof value !== 'object' || value === null) throw invalidArgument('true, false or an object', 'rollback', value);
	checkKeys(value, 'rollback', ROLLBACK_KEYS);
	const options = value as RollbackOptions;
	checkFunction(options.save, 'rollback.save');
	checkFunction(options.restore, 'rollback.restore');
	return {
		...options,
		factor: checkNumber(options.factor ?? DEFAULT_ROLLBACK_FACTOR, 'rollback.factor', Number.MIN_VALUE, 1),
		limit: checkInteger(options.limit ?? DEFAULT_ROLLBACK_LIMIT, 'rollback.limit', 0),
	};
}

function resolveDivergence(value: unknown): number {
	if (value === undefined || value === true) return 0;
	if (value === false) return Number.POSITIVE_INFINITY;
	if (typeof value !== 'object' || value === null)
		throw invalidArgument('true, false or { scale }', 'divergence', value);
	checkKeys(value, 'divergence', DIVERGENCE_KEYS);
	return checkNumber((value as DivergenceScale).scale, 'divergence.scale', Number.MIN_VALUE);
}

/** @throws GannoError `INVALID_ARGUMENT` */
export function resolveControllerOptions(value: unknown, { controller }: DecisionSource): ResolvedControllerOptions {
	checkKeys(value, 'options', OPTION_NAMES);
	const options = value as LayerwiseControllerOptions;
	const { learningRate, horizon, bounds } = options;
	if (types.isFloat32Array(learningRate)) {
		for (const [layer, rate] of learningRate.entries()) checkRate(rate, `learningRate[${layer}]`);
	} else checkRate(learningRate, 'learningRate');
	if (horizon !== undefined) checkInteger(horizon, 'horizon', 1);
	else if (controller.needsHorizon === true) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			`The schedule '${controller.name}' is a function of the horizon; give options.horizon, the optimiser steps of the whole training`,
		);
	}
	if (bounds !== undefined) checkKeys(bounds, 'bounds', BOUNDS_KEYS);
	const low = bounds?.low ?? 0;
	const high = bounds?.high ?? Number.POSITIVE_INFINITY;
	checkNumber(low, 'bounds.low', 0);
	if (typeof high !== 'number' || !(high >= low))
		throw invalidArgument(`a number of at least ${low}`, 'bounds.high', high);
	checkFunction(options.validationLoss, 'validationLoss');
	if (types.isAsyncFunction(options.validationLoss)) {
		throw invalidArgument(
			'a function that returns a number',
			'validationLoss',
			options.validationLoss,
			`It is async. ${ASYNC_ADVICE}`,
		);
	}
	checkFunction(options.onDecision, 'onDecision');
	const batches = horizon ?? Number.POSITIVE_INFINITY;
	const probes =
		options.probeBatches ?? (controller.ignoresNetworks === true ? 0 : Math.min(PROBE_BATCHES, batches - 1));
	checkInteger(probes, 'probeBatches', 0, Math.min(1e4, batches - 1));
	const steps = batches - probes;
	const interval =
		options.interval ??
		(steps === Number.POSITIVE_INFINITY ? DEFAULT_INTERVAL : Math.max(1, Math.round(steps / DEFAULT_DECISIONS)));
	return {
		learningRate: types.isFloat32Array(learningRate) ? learningRate.slice() : learningRate,
		horizon: steps,
		interval: checkInteger(interval, 'interval', 1, 1e7),
		probeBatches: probes,
		low,
		high,
		validationLoss: options.validationLoss,
		leastScale: resolveDivergence(options.divergence),
		rollback: resolveRollback(options.rollback),
		onDecision: options.onDecision,
	};
}

/** @throws GannoError `INVALID_ARGUMENT` */
export function checkControlledOptimizer(value: ControlledTraining['optimizer']): void {
	checkKeys(value, 'optimizer', OPTIMIZER_KEYS);
	resolveHyperparameters(checkLayerwiseAlgorithm(value.algorithm), value.hyperparameters);
}

/** @throws GannoError `INVALID_ARGUMENT` */
export function checkControlledLayers(value: unknown): readonly Required<ControlledLayer>[] {
	if (!Array.isArray(value) || value.length === 0) throw invalidArgument('a non-empty array', 'layers', value);
	const layers = Array.from(value, (layer: unknown, index) => {
		const path = `layers[${index}]`;
		checkKeys(layer, path, LAYER_KEYS);
		const { name, size, type = 'dense' } = layer as ControlledLayer;
		if (typeof name !== 'string') throw invalidArgument('a string', `${path}.name`, name);
		checkInteger(size, `${path}.size`, 0);
		if (type !== 'dense' && type !== 'conv') throw invalidArgument("'dense' or 'conv'", `${path}.type`, type);
		return { name, size, type };
	});
	if (new Set(layers.map(({ name }) => name)).size !== layers.length) {
		throw new GannoError('INVALID_ARGUMENT', 'Two layers have the same name; give each its own');
	}
	return layers;
}

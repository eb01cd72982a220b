import { checkKeys, checkNumber, checkOneOf, keysOf } from '../arguments.js';
import type { Controller, DecisionContext } from '../environment/controller.js';
import { POPULATION_STATISTICS, STATISTIC_INDEX } from '../optimizer/statistics.js';

export interface TrustRatioOptions {
	/**
	 * What the parameter norm is compared with: 'gradient' is LARS (You, Gitman & Ginsburg 2017), 'update' is LAMB (You et al. 2020).
	 * Default: 'update' for child optimisers that rescale gradients (rmsprop, adam, adamw), else 'gradient'.
	 */
	readonly reference?: 'gradient' | 'update';
	/** c; default 0.001 with 'gradient', 1 with 'update', as published. */
	readonly coefficient?: number;
	/** λ of LARS, added as λ‖w‖ to the gradient norm (default: the task's weight decay). */
	readonly weightDecay?: number;
	/** Trust ratios are cut here (default 10, as LAMB implementations do). */
	readonly maximum?: number;
	/** Factor on all layers over time: 'cosine' decays from 1 to 0 (default 'constant'). */
	readonly base?: 'constant' | 'cosine';
}

const OPTION_NAMES = keysOf<TrustRatioOptions>({
	reference: true,
	coefficient: true,
	weightDecay: true,
	maximum: true,
	base: true,
});

const COUNT = POPULATION_STATISTICS.length;
const RESCALING = new Set(['rmsprop', 'adam', 'adamw']);

/**
 * Per-layer trust ratios: learning rate of layer l = initial learning rate × trust_l, where
 * - 'gradient': trust = c ‖w‖ / (‖g‖ + λ‖w‖)
 * - 'update': trust = c ‖w‖ / ‖u‖, u the update at learning rate 1 (from updateRatio / learning rate in force)
 *
 * and 1 where either norm is 0. Norms are means over the last interval (LARS and LAMB themselves take those of each step).
 */
export function trustRatioSchedule(options: TrustRatioOptions = {}): Controller {
	checkKeys(options, 'options', OPTION_NAMES);
	const base = checkOneOf(options.base ?? 'constant', 'base', ['constant', 'cosine']);
	const maximum = checkNumber(options.maximum ?? 10, 'maximum', Number.MIN_VALUE);
	if (options.reference !== undefined) checkOneOf(options.reference, 'reference', ['gradient', 'update']);
	if (options.coefficient !== undefined) checkNumber(options.coefficient, 'coefficient', Number.MIN_VALUE);
	if (options.weightDecay !== undefined) checkNumber(options.weightDecay, 'weightDecay', 0);
	let learningRates = new Float32Array(0);
	let baseSchedule = new Float32Array(0);
	return {
		name: 'trust-ratio',
		needsHorizon: base === 'cosine',
		reset() {},
		decide(context) {
			const { task, initialLearningRates, decision } = context;
			const reference = options.reference ?? (RESCALING.has(task.optimizer.algorithm) ? 'update' : 'gradient');
			const coefficient = options.coefficient ?? (reference === 'gradient' ? 0.001 : 1);
			const weightDecay = options.weightDecay ?? task.optimizer.hyperparameters?.weightDecay ?? 0;
			if (learningRates.length !== initialLearningRates.length) {
				learningRates = new Float32Array(initialLearningRates.length);
			}
			for (let i = 0; i < learningRates.length; i++) {
				const ratio = reference === 'gradient' ? gradientRatio(context, i, weightDecay) : updateRatio(context, i);
				const trust = ratio > 0 && Number.isFinite(ratio) ? Math.min(coefficient * ratio, maximum) : 1;
				learningRates[i] = initialLearningRates[i]! * trust;
			}
			if (base === 'constant') return { learningRates };
			if (baseSchedule.length !== task.interval) baseSchedule = new Float32Array(task.interval);
			for (let k = 0; k < baseSchedule.length; k++) {
				const t = decision * task.interval + k;
				baseSchedule[k] = 0.5 * (1 + Math.cos((Math.PI * t) / task.horizon));
			}
			return { learningRates, baseSchedule };
		},
	};
}

/** ‖w‖ / (‖g‖ + λ‖w‖) */
function gradientRatio({ statistics }: DecisionContext, row: number, weightDecay: number): number {
	const weight = statistics[row * COUNT + STATISTIC_INDEX.parameterNorm]!;
	return weight / (statistics[row * COUNT + STATISTIC_INDEX.gradientNorm]! + weightDecay * weight);
}

/** ‖w‖ / ‖u‖; the statistic learningRate is the mean applied, base schedule included, so it cancels. */
function updateRatio({ statistics }: DecisionContext, row: number): number {
	const learningRate = statistics[row * COUNT + STATISTIC_INDEX.learningRate]!;
	const parameterNorm = statistics[row * COUNT + STATISTIC_INDEX.parameterNorm]!;
	return parameterNorm > 0 ? learningRate / statistics[row * COUNT + STATISTIC_INDEX.updateRatio]! : 0;
}

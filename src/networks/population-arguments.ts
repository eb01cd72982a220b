import { types } from 'node:util';
import type { NativePopulation } from '../../binding.d.ts';
import {
	checkFiniteElements,
	checkFloat32Array,
	checkInteger,
	checkKeys,
	invalidArgument,
	keysOf,
} from '../arguments.js';
import { POPULATION_STATISTICS } from '../optimizer/statistics.js';
import type { TrainableLayer } from './spec.js';

/** What the calls of a population take, and the checks of it. */

/** Per network and layer; `[networks × layers]` each. */
export interface PopulationControls {
	readonly learningRates: Float32Array;
	/** Default: the optimiser's. */
	readonly weightDecays?: Float32Array | undefined;
	/** Momentum and Nesterov, from 0 to 1; default: the optimiser's. */
	readonly momenta?: Float32Array | undefined;
}

export interface PopulationOutput {
	/**
	 * `[networks × layers × POPULATION_STATISTICS.length]`: means over the steps, `gradientMaxAbs` the largest, `nonFiniteCount` the sum.
	 * Zero where a network took no step.
	 */
	readonly statistics: Float32Array;
	/** `[networks × steps]`: mean loss of each batch before its step. */
	readonly trainingLoss: Float32Array;
	/**
	 * `[networks × 3]`: loss and accuracy on the validation subset after the last step, and the variance of its logits' change since
	 * validation was last asked for (0 the first time).
	 */
	readonly validation?: Float32Array | undefined;
}

export interface TrainOptions {
	/** `[steps]`: multiplies every learning rate, step by step. */
	readonly baseSchedule?: Float32Array | undefined;
}

export const CONTROL_KEYS = keysOf<PopulationControls>({ learningRates: true, weightDecays: true, momenta: true });
const OUTPUT_KEYS = keysOf<PopulationOutput>({ statistics: true, trainingLoss: true, validation: true });
const TRAIN_KEYS = keysOf<TrainOptions>({ baseSchedule: true });

interface Sizes {
	readonly networks: number;
	readonly layers: readonly TrainableLayer[];
	readonly runningStatisticsCount: number;
}

/**
 * The addon's arguments of a training or a probe.
 * @param uniform `[networks × layers]`, written when there is one learning rate for all
 * @throws GannoError `INVALID_ARGUMENT`
 */
export function trainArguments(
	population: Sizes,
	uniform: Float32Array,
	steps: number,
	controls: number | Float32Array | PopulationControls,
	out: PopulationOutput,
	options: TrainOptions,
): Parameters<NativePopulation['train']> {
	checkInteger(steps, 'steps', 1, 10_000_000);
	checkKeys(out, 'out', OUTPUT_KEYS);
	checkKeys(options, 'options', TRAIN_KEYS);
	const size = population.networks * population.layers.length;
	const { learningRates, weightDecays, momenta } = resolveControls(controls, uniform);
	const check = (values: Float32Array | undefined, name: string, high = Number.POSITIVE_INFINITY): void => {
		if (values === undefined) return;
		checkFloat32Array(values, name, size, 'networks × layers');
		checkFiniteElements(values, name, 0);
		const beyond = values.findIndex((value) => value > high);
		if (beyond >= 0) throw invalidArgument(`numbers from 0 to ${high}`, `${name}[${beyond}]`, values[beyond]);
	};
	if (learningRates === undefined) throw invalidArgument('a Float32Array', 'controls.learningRates', learningRates);
	check(learningRates, 'learningRates');
	check(weightDecays, 'weightDecays');
	check(momenta, 'momenta', 1);
	const { statistics, trainingLoss, validation } = out;
	checkFloat32Array(statistics, 'out.statistics', size * POPULATION_STATISTICS.length, 'networks × layers × 16');
	checkFloat32Array(trainingLoss, 'out.trainingLoss', population.networks * steps, 'networks × steps');
	if (validation !== undefined) {
		checkFloat32Array(validation, 'out.validation', population.networks * 3, 'networks × 3');
	}
	const { baseSchedule } = options;
	if (baseSchedule !== undefined) {
		checkFloat32Array(baseSchedule, 'baseSchedule', steps, 'steps');
		checkFiniteElements(baseSchedule, 'baseSchedule', 0);
	}
	return [steps, learningRates, weightDecays, momenta, statistics, trainingLoss, validation, baseSchedule];
}

function resolveControls(
	controls: number | Float32Array | PopulationControls,
	uniform: Float32Array,
): PopulationControls {
	if (typeof controls === 'number') {
		if (!(controls >= 0) || !Number.isFinite(controls)) {
			throw invalidArgument('a finite number of at least 0', 'controls', controls);
		}
		return { learningRates: uniform.fill(controls) };
	}
	if (types.isFloat32Array(controls)) return { learningRates: controls };
	if (typeof controls !== 'object' || controls === null) {
		throw invalidArgument('a number, a Float32Array or an object', 'controls', controls);
	}
	checkKeys(controls, 'controls', CONTROL_KEYS);
	return controls;
}

/** A sum of zeros is NaN once one of them came from what is not finite; a callback an element would cost ten times that. */
export function allFinite(values: Float32Array): boolean {
	let check = 0;
	for (let i = 0; i < values.length; i++) check += values[i]! * 0;
	return check === 0;
}

export function checkAllFinite(values: Float32Array): void {
	if (allFinite(values)) return;
	const wrong = values.findIndex((value) => !Number.isFinite(value));
	throw invalidArgument('a finite number', `values[${wrong}]`, values[wrong]);
}

/** Norm by norm, means, then variances. */
export function checkRunningStatistics(values: Float32Array, population: Sizes): void {
	checkFloat32Array(values, 'values', population.runningStatisticsCount, 'runningStatisticsCount');
	checkAllFinite(values);
	let offset = 0;
	for (const { scaleShape } of population.layers) {
		const channels = scaleShape?.[0] ?? 0;
		for (let i = offset + channels; i < offset + 2 * channels; i++) {
			if ((values[i] as number) < 0) throw invalidArgument('a variance of at least 0', `values[${i}]`, values[i]);
		}
		offset += 2 * channels;
	}
}

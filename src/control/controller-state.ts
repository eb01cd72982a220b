import { checkInteger, checkNumber, checkObject, invalidArgument } from '../arguments.js';
import type { ObservationEncoderState } from '../environment/observations/layer-observation.js';
import type { DivergenceState } from '../environment/rewards/divergence.js';
import { GannoError } from '../errors.js';
import { migrateControllerState } from '../files/migrations.js';
import type { IntervalStatisticsState } from '../optimizer/interval-statistics.js';
import { STATISTICS } from '../optimizer/statistics.js';
import type { LossMonitorState } from './loss-monitor.js';

/** A controller's complete state of a training, as plain data: it survives structured clone, and JSON keeps every bit of it. */
export interface LayerwiseControllerState {
	readonly version: 2;
	/** The name of the controller. */
	readonly controller: string;
	readonly layers: readonly string[];
	/** Optimiser steps done, probing mini-batches before them, rollbacks. */
	readonly step: number;
	readonly probed: number;
	readonly rollbacks: number;
	readonly diverged: boolean;
	/** `[layers]` */
	readonly learningRates: readonly number[];
	readonly initialLearningRates: readonly number[];
	/** `[interval]` of the current interval; empty: all 1 */
	readonly baseSchedule: readonly number[];
	/** `[agents]` */
	readonly actions: readonly number[];
	readonly intervalStatistics: IntervalStatisticsState;
	/** Training losses of the interval so far. */
	readonly losses: readonly number[];
	/** The held-out loss reported in this interval; null: none. */
	readonly validationLoss: number | null;
	/** The held-out loss that counts until another is reported; null: none. */
	readonly reportedValidationLoss: number | null;
	readonly encoder: ObservationEncoderState;
	readonly divergence: LossMonitorState;
	/** `Controller.state()`: a policy's recurrent state. */
	readonly memory: readonly number[];
}

export interface ControllerStateShape {
	readonly controller: string;
	readonly layers: readonly string[];
	readonly agents: number;
	/** Losses an interval can hold. */
	readonly capacity: number;
	readonly interval: number;
}

function numbers(value: unknown, name: string, length: number): void {
	if (!Array.isArray(value) || value.length !== length)
		throw invalidArgument(`an array of length ${length}`, name, value);
	const wrong = value.findIndex((element) => typeof element !== 'number' || !Number.isFinite(element));
	if (wrong >= 0) throw invalidArgument('a finite number', `${name}[${wrong}]`, value[wrong]);
}

function checkDivergence(value: unknown, name: string): void {
	checkObject(value, name);
	const { initialLoss, lowestLoss, spread, above, first } = value as DivergenceState;
	for (const [key, values] of Object.entries({ initialLoss, lowestLoss, spread, above, first })) {
		numbers(values, `${name}.${key}`, 1);
	}
}

/** @throws GannoError `INVALID_ARGUMENT` saying what does not fit this controller */
export function checkControllerState(value: unknown, shape: ControllerStateShape): LayerwiseControllerState {
	checkObject(value, 'state');
	const state = migrateControllerState({ ...(value as object) }) as unknown as LayerwiseControllerState;
	if (state.version !== 2) throw invalidArgument('1 or 2', 'state.version', state.version);
	checkObject(state.divergence, 'state.divergence');
	if (state.controller !== shape.controller) {
		throw invalidArgument(`'${shape.controller}', as in this controller,`, 'state.controller', state.controller);
	}
	const sameLayers =
		Array.isArray(state.layers) &&
		state.layers.length === shape.layers.length &&
		shape.layers.every((name, layer) => name === state.layers[layer]);
	if (!sameLayers) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			`The state is of the layers ${String(state.layers)}, but this controller has ${shape.layers.join(', ')}`,
		);
	}
	const layers = shape.layers.length;
	for (const name of ['step', 'probed', 'rollbacks'] as const) checkInteger(state[name], `state.${name}`, 0);
	for (const name of ['learningRates', 'initialLearningRates'] as const) {
		numbers(state[name], `state.${name}`, layers);
		for (const [layer, rate] of state[name].entries()) checkNumber(rate, `state.${name}[${layer}]`, 0);
	}
	const { baseSchedule, losses, intervalStatistics: interval, encoder, divergence, memory } = state;
	if (!Array.isArray(baseSchedule)) throw invalidArgument('an array', 'state.baseSchedule', baseSchedule);
	numbers(baseSchedule, 'state.baseSchedule', baseSchedule.length === 0 ? 0 : shape.interval);
	numbers(state.actions, 'state.actions', shape.agents);
	checkObject(interval, 'state.intervalStatistics');
	checkInteger(interval.steps, 'state.intervalStatistics.steps', 0, shape.capacity);
	numbers(interval.sums, 'state.intervalStatistics.sums', layers * STATISTICS.length);
	for (const name of ['learningRates', 'normMeans', 'normDeviations'] as const) {
		numbers(interval[name], `state.intervalStatistics.${name}`, layers);
	}
	numbers(losses, 'state.losses', interval.steps);
	for (const name of ['validationLoss', 'reportedValidationLoss'] as const) {
		if (state[name] != null) numbers([state[name]], `state.${name}`, 1);
	}
	checkObject(encoder, 'state.encoder');
	numbers(encoder.gradientScale, 'state.encoder.gradientScale', layers);
	for (const name of ['trainingLoss', 'validationLoss', 'bestValidationLoss'] as const) {
		numbers(encoder[name], `state.encoder.${name}`, 1);
	}
	checkDivergence(divergence.training, 'state.divergence.training');
	if (divergence.heldOut !== null) checkDivergence(divergence.heldOut, 'state.divergence.heldOut');
	if (!Array.isArray(memory)) throw invalidArgument('an array', 'state.memory', memory);
	numbers(memory, 'state.memory', memory.length);
	return state;
}

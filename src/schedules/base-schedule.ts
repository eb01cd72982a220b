import { checkInteger } from '../arguments.js';
import type { DecisionContext } from '../environment/controller.js';
import { type ScheduleName, scheduleByName } from './registry.js';

/** Schedules that go by the clock alone: what can multiply other learning rates. */
export const BASE_SCHEDULES = [
	'constant',
	'step',
	'exponential',
	'cosine',
	'one-cycle',
	'warmup-stable-decay',
] as const satisfies readonly ScheduleName[];

export type BaseScheduleName = (typeof BASE_SCHEDULES)[number];

/**
 * A schedule's factors on the initial learning rate, step by step, with its default options.
 * @returns `[horizon]`
 */
export function baseSchedule(name: BaseScheduleName, horizon: number): Float32Array {
	checkInteger(horizon, 'horizon', 1);
	// One decision for the whole horizon; a schedule by the clock looks at nothing else of the context.
	const task = { optimizer: { algorithm: 'sgd' }, horizon, interval: horizon } as const;
	const schedule = scheduleByName(name);
	schedule.reset(task);
	const context = { task, decision: 0, decisions: 1, initialLearningRates: new Float32Array(1) };
	return (schedule.decide(context as DecisionContext).baseSchedule as Float32Array).slice();
}

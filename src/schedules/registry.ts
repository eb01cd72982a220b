import { checkOneOf } from '../arguments.js';
import type { Controller } from '../environment/controller.js';
import {
	type CosineOptions,
	constantSchedule,
	cosineSchedule,
	type ExponentialOptions,
	exponentialSchedule,
	type OneCycleOptions,
	oneCycleSchedule,
	type StepOptions,
	stepSchedule,
	type WarmupStableDecayOptions,
	warmupStableDecaySchedule,
} from './hand-made.js';
import { type TrustRatioOptions, trustRatioSchedule } from './trust-ratio.js';

/** Options of each hand-made schedule, by its name. */
export interface ScheduleOptions {
	readonly constant: Readonly<Record<string, never>>;
	readonly step: StepOptions;
	readonly exponential: ExponentialOptions;
	readonly cosine: CosineOptions;
	readonly 'one-cycle': OneCycleOptions;
	readonly 'warmup-stable-decay': WarmupStableDecayOptions;
	readonly 'trust-ratio': TrustRatioOptions;
}

export type ScheduleName = keyof ScheduleOptions;

const FACTORIES: { readonly [K in ScheduleName]: (options?: ScheduleOptions[K]) => Controller } = {
	constant: constantSchedule,
	step: stepSchedule,
	exponential: exponentialSchedule,
	cosine: cosineSchedule,
	'one-cycle': oneCycleSchedule,
	'warmup-stable-decay': warmupStableDecaySchedule,
	'trust-ratio': trustRatioSchedule,
};

/** The names of all hand-made schedules. */
export const SCHEDULES = Object.keys(FACTORIES) as readonly ScheduleName[];

/**
 * A hand-made schedule by its name.
 * @throws GannoError `INVALID_ARGUMENT` for an unknown name, listing the known ones
 */
export function scheduleByName<K extends ScheduleName>(name: K, options?: ScheduleOptions[K]): Controller {
	checkOneOf(name, 'schedule', SCHEDULES);
	return FACTORIES[name](options);
}

import type { PolicySnapshot } from '../agents/policy.js';
import { PolicyController } from '../agents/policy-controller.js';
import type { Controller } from '../environment/controller.js';
import type { BaseScheduleName } from '../schedules/base-schedule.js';
import type { GradientMethodSpec } from '../schedules/gradient-method.js';
import { type ScheduleName, type ScheduleOptions, scheduleByName } from '../schedules/registry.js';

/** A controller as plain data, so that it can be sent to a worker. */
export type ControllerSpec =
	| { readonly type: 'schedule'; readonly name: ScheduleName; readonly options?: ScheduleOptions[ScheduleName] }
	/** Greedy. The base schedule multiplies what it sets (default: that of the environment). */
	| { readonly type: 'policy'; readonly policy: PolicySnapshot; readonly baseSchedule?: BaseScheduleName };

/** What trains the networks of an episode: the population under a controller, or a method that sees every gradient. */
export type TrainerSpec = ControllerSpec | { readonly type: 'gradient-method'; readonly method: GradientMethodSpec };

export function openController(spec: ControllerSpec): Controller {
	return spec.type === 'schedule'
		? scheduleByName<ScheduleName>(spec.name, spec.options)
		: new PolicyController(spec.policy);
}

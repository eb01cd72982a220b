import type { PolicySnapshot } from '../agents/policy.js';
import { PolicyController } from '../agents/policy-controller.js';
import type { Controller } from '../environment/controller.js';
import { type ScheduleName, type ScheduleOptions, scheduleByName } from '../schedules/registry.js';

/** A controller as plain data, so that it can be sent to a worker. */
export type ControllerSpec =
	| { readonly type: 'schedule'; readonly name: ScheduleName; readonly options?: ScheduleOptions[ScheduleName] }
	/** Greedy. */
	| { readonly type: 'policy'; readonly policy: PolicySnapshot };

export function openController(spec: ControllerSpec): Controller {
	return spec.type === 'schedule'
		? scheduleByName<ScheduleName>(spec.name, spec.options)
		: new PolicyController(spec.policy);
}

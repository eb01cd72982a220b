import type { Controller } from '../environment/controller.js';
import type { PolicySnapshot } from '../policy/policy.js';
import { PolicyController } from '../policy/policy-controller.js';
import type { BaseScheduleName } from '../schedules/base-schedule.js';
import type { GradientMethodSpec } from '../schedules/gradient-methods/gradient-method-registry.js';
import { type ScheduleName, type ScheduleOptions, scheduleByName } from '../schedules/registry.js';

/** A controller as data that can be sent to a worker, but for one in memory. */
export type ControllerSpec =
	| { readonly type: 'schedule'; readonly name: ScheduleName; readonly options?: ScheduleOptions[ScheduleName] }
	/** Greedy. The base schedule multiplies what it sets (default: that of the environment). */
	| { readonly type: 'policy'; readonly policy: PolicySnapshot; readonly baseSchedule?: BaseScheduleName }
	/** A schedule of your own: a JavaScript module, by its path or `file:` URL, that each thread loads; docs/schedules.md says what it exports. */
	| { readonly type: 'module'; readonly module: string | URL }
	/** A controller in memory. Its functions cannot be sent to worker threads: only an InProcessExecutor takes it. */
	| { readonly type: 'controller'; readonly controller: Controller };

/** What trains the networks of an episode: the population under a controller, or a method that sees every gradient. */
export type MethodSpec = ControllerSpec | { readonly type: 'gradient-method'; readonly method: GradientMethodSpec };

/** Of any spec but a module, which is loaded before (`withLoadedMethod`). */
export function openController(spec: Exclude<ControllerSpec, { readonly type: 'module' }>): Controller {
	switch (spec.type) {
		case 'schedule':
			return scheduleByName<ScheduleName>(spec.name, spec.options);
		case 'policy':
			return new PolicyController(spec.policy);
		case 'controller':
			return spec.controller;
	}
}

import { ADAPTIVE_LR_DECISION_INTERVAL } from '../environment/actions/scaling-action.js';
import { NETWORK_OBSERVATION_VERSION } from '../environment/observations/network-observation.js';
import type { Policy, PolicySnapshot, PolicySpec } from '../policy/policy.js';
import { policyDigest } from '../policy/policy-digest.js';
import { BASE_SCHEDULES, type BaseScheduleName } from '../schedules/base-schedule.js';
import type { TrainingTask } from '../tasks/task.js';

/** A learned policy that takes part in an evaluation. */
export interface NamedPolicy {
	readonly name: string;
	/** SHA-256 of its numbers and spec. */
	readonly digest: string;
	readonly policy: PolicySnapshot;
	/** What it was trained with; multiplies what it sets. */
	readonly baseSchedule: BaseScheduleName;
	/** Optimiser steps between its decisions, at most; absent: as the task says. */
	readonly interval?: number;
}

export function namedPolicy(name: string, policy: Policy): NamedPolicy {
	const { spec, parameters, normalizerMean, normalizerStandardDeviation } = policy;
	const baseSchedule = trainedWith(policy);
	const interval = decisionInterval(spec);
	return {
		name,
		digest: policyDigest(policy, baseSchedule),
		baseSchedule,
		...(interval === undefined ? {} : { interval }),
		policy: { spec, parameters, normalizerMean, normalizerStandardDeviation },
	};
}

/** The base schedule of a policy's training. */
function trainedWith({ training }: Pick<Policy, 'training'>): BaseScheduleName {
	const { config } = training as { readonly config?: { readonly environment?: { readonly baseSchedule?: unknown } } };
	const name = config?.environment?.baseSchedule;
	return BASE_SCHEDULES.find((known) => known === name) ?? 'constant';
}

/** Optimiser steps between the decisions that a policy is used to, at most; undefined: whatever the task says. */
export function decisionInterval({ observation }: PolicySpec): number | undefined {
	return observation === NETWORK_OBSERVATION_VERSION ? ADAPTIVE_LR_DECISION_INTERVAL : undefined;
}

/** A task as a policy meets it: the same networks, but decisions as often as it is used to, where that divides the horizon evenly. */
export function decidedEvery(task: TrainingTask, steps: number | undefined): TrainingTask {
	if (steps === undefined) return task;
	let interval = Math.min(steps, task.horizon);
	while (task.horizon % interval !== 0) interval--;
	return { ...task, interval };
}

import type { PolicySnapshot } from '../../agents/policy.js';
import type { TrainingTask } from '../../environment/task.js';
import type { TrainerSpec } from '../../rollouts/controller-spec.js';
import type { BaseScheduleName } from '../../schedules/base-schedule.js';
import { SCHEDULES } from '../../schedules/registry.js';
import type { SuiteTask } from './suite-spec.js';

/** A learned policy that takes part. */
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

/**
 * How a contender comes by its initial learning rate: `learned` and `default` take the task's, column by column; the others choose
 * their own and meet each task once. `tuned`: chosen per family on tuning seeds; `once`: chosen once for all families; `blind`: a rule
 * of thumb by optimiser; `free`: none is needed.
 */
export type ContenderKind = 'learned' | 'default' | 'blind' | 'free' | 'tuned' | 'once';

export interface Contender {
	readonly name: string;
	readonly kind: ContenderKind;
	readonly trainer: TrainerSpec;
	/** Of `tuned` and `once`: the method that was tuned. */
	readonly method?: string;
}

/** A schedule or method whose one setting is its initial learning rate. */
export interface Method {
	readonly name: string;
	readonly trainer: TrainerSpec;
}

/** All that is run at its default and tuned. */
export const METHODS: readonly Method[] = [
	...SCHEDULES.map((name) => ({ name, trainer: { type: 'schedule', name } as const })),
	{ name: 'hypergradient', trainer: { type: 'gradient-method', method: { name: 'hypergradient' } } },
	{ name: 'schedule-free', trainer: { type: 'gradient-method', method: { name: 'schedule-free' } } },
];

/** Hand-made schedules among the methods: what the targets call "every hand-made schedule". */
export const HAND_MADE: readonly string[] = SCHEDULES;

export const BLIND_COSINE = 'blind cosine';
export const PRODIGY = 'prodigy';
export const TUNED = (method: string): string => `${method}, tuned per family`;
export const ONCE = (method: string): string => `${method}, tuned once`;

const PARAMETER_FREE: readonly Contender[] = [
	{ name: BLIND_COSINE, kind: 'blind', trainer: { type: 'schedule', name: 'cosine' } },
	{ name: PRODIGY, kind: 'free', trainer: { type: 'gradient-method', method: { name: 'prodigy' } } },
];

/** Everybody who takes part, in the order of the tables. */
export function contenders(policies: readonly NamedPolicy[]): readonly Contender[] {
	return [
		...policies.map(
			({ name, policy, baseSchedule }): Contender => ({
				name,
				kind: 'learned',
				trainer: { type: 'policy', policy, baseSchedule },
			}),
		),
		...METHODS.map(({ name, trainer }): Contender => ({ name, kind: 'default', trainer })),
		...PARAMETER_FREE,
		...METHODS.map(({ name, trainer }): Contender => ({ name: TUNED(name), kind: 'tuned', trainer, method: name })),
		...METHODS.map(({ name, trainer }): Contender => ({ name: ONCE(name), kind: 'once', trainer, method: name })),
	];
}

/** The rule of thumb: 1e-3 where the optimiser rescales gradients, 0.1 where it does not, whatever the task says. */
export function blindLearningRate({ optimizer }: SuiteTask): number {
	return optimizer === 'adam' || optimizer === 'adamw' || optimizer === 'rmsprop' ? 1e-3 : 0.1;
}

/** Why a trainer cannot take part in a task; undefined: it can. */
export function unfit(trainer: TrainerSpec, layerTypes: readonly string[]): string | undefined {
	if (trainer.type !== 'gradient-method') return undefined;
	return layerTypes.includes('dropout')
		? `${trainer.method.name} takes its gradients one batch at a time from outside, where dropout is off`
		: undefined;
}

/** A task as a policy meets it: the same networks, but decisions as often as it is used to, where that divides the horizon evenly. */
export function decidedEvery(task: TrainingTask, steps: number | undefined): TrainingTask {
	if (steps === undefined) return task;
	let interval = Math.min(steps, task.horizon);
	while (task.horizon % interval !== 0) interval--;
	return { ...task, interval };
}

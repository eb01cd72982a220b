import type { MethodSpec } from '../../rollouts/controller-spec.js';
import { SCHEDULES } from '../../schedules/registry.js';
import type { NamedPolicy } from '../policy-contender.js';
import type { SuiteTask } from './definitions/suite-spec.js';

/**
 * How a contender comes by its initial learning rate: `learned` and `default` take the task's, column by column; the others choose
 * their own and meet each task once. `tuned`: chosen per family on tuning seeds; `tuned-globally`: chosen once for all families;
 * `rule-of-thumb`: by optimiser; `parameter-free`: none is needed.
 */
export type ContenderKind = 'learned' | 'default' | 'rule-of-thumb' | 'parameter-free' | 'tuned' | 'tuned-globally';

export interface Contender {
	readonly name: string;
	readonly kind: ContenderKind;
	readonly trainer: MethodSpec;
	/** Of `tuned` and `tuned-globally`: the method that was tuned. */
	readonly method?: string;
}

/** A schedule or method whose one setting is its initial learning rate. */
export interface Method {
	readonly name: string;
	readonly trainer: MethodSpec;
}

/** A schedule of the user's own, a method like the others. */
export interface OwnSchedule extends Method {
	/** The file of its module, as it was named. */
	readonly file: string;
	/** SHA-256 of that file. */
	readonly digest: string;
}

/** All that is run at its default and tuned, the user's own schedules apart. */
export const METHODS: readonly Method[] = [
	...SCHEDULES.map((name) => ({ name, trainer: { type: 'schedule', name } as const })),
	{ name: 'hypergradient', trainer: { type: 'gradient-method', method: { name: 'hypergradient' } } },
	{ name: 'schedule-free', trainer: { type: 'gradient-method', method: { name: 'schedule-free' } } },
];

/** Hand-made schedules among the methods: what the targets call "every hand-made schedule". */
export const HAND_MADE: readonly string[] = SCHEDULES;

export const RULE_OF_THUMB_COSINE = 'blind cosine';
export const PRODIGY = 'prodigy';
export const TUNED = (method: string): string => `${method}, tuned per family`;
export const TUNED_GLOBALLY = (method: string): string => `${method}, tuned once`;

/** The contenders that a user's own schedules make. */
export function ownRows(schedules: readonly { readonly name: string }[] = []): string[] {
	return schedules.flatMap(({ name }) => [name, TUNED(name), TUNED_GLOBALLY(name)]);
}

/** Those that need no initial learning rate of the task and none that is tuned. */
export const UNTUNED: readonly Contender[] = [
	{ name: RULE_OF_THUMB_COSINE, kind: 'rule-of-thumb', trainer: { type: 'schedule', name: 'cosine' } },
	{ name: PRODIGY, kind: 'parameter-free', trainer: { type: 'gradient-method', method: { name: 'prodigy' } } },
];

/**
 * Everybody who takes part, in the order of the tables.
 * @param methods all of them
 */
export function contenders(
	policies: readonly NamedPolicy[],
	methods: readonly Method[] = METHODS,
): readonly Contender[] {
	return [
		...policies.map(
			({ name, policy, baseSchedule }): Contender => ({
				name,
				kind: 'learned',
				trainer: { type: 'policy', policy, baseSchedule },
			}),
		),
		...methods.map(({ name, trainer }): Contender => ({ name, kind: 'default', trainer })),
		...UNTUNED,
		...methods.map(({ name, trainer }): Contender => ({ name: TUNED(name), kind: 'tuned', trainer, method: name })),
		...methods.map(
			({ name, trainer }): Contender => ({ name: TUNED_GLOBALLY(name), kind: 'tuned-globally', trainer, method: name }),
		),
	];
}

/** The rule of thumb: 1e-3 where the optimiser rescales gradients, 0.1 where it does not, whatever the task says. */
export function ruleOfThumbLearningRate({ optimizer }: SuiteTask): number {
	return optimizer === 'adam' || optimizer === 'adamw' || optimizer === 'rmsprop' ? 1e-3 : 0.1;
}

/** Why a trainer cannot take part in a task; undefined: it can. */
export function unfit(trainer: MethodSpec, layerTypes: readonly string[]): string | undefined {
	if (trainer.type !== 'gradient-method') return undefined;
	return layerTypes.includes('dropout')
		? `${trainer.method.name} takes its gradients one batch at a time from outside, where dropout is off`
		: undefined;
}

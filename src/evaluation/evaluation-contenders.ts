import { checkObject } from '../arguments.js';
import { GannoError } from '../errors.js';
import type { PolicySnapshot } from '../policy/policy.js';
import { loadControllerModule } from '../rollouts/controller-module.js';
import type { ControllerSpec } from '../rollouts/controller-spec.js';
import { checkMethod } from '../rollouts/run-arguments.js';
import { decisionInterval } from './policy-contender.js';

/** A row of the evaluation's table. */
export interface EvaluationContender {
	readonly contender: string;
	/** `learned`: a policy; `default`: a hand-made schedule; `own`: one of the user's. Each starts at the column's learning rate. */
	readonly kind: 'learned' | 'default' | 'own';
	readonly controller: ControllerSpec;
	/** Optimiser steps between its decisions, at most; absent: as the task says. */
	readonly interval?: number | undefined;
}

/** Controllers of the user's own by the names that tables give them. */
export type NamedControllers = Readonly<Record<string, ControllerSpec>>;

const RIVALS: readonly EvaluationContender[] = (['constant', 'step', 'cosine', 'one-cycle'] as const).map((name) => ({
	contender: name,
	kind: 'default',
	controller: { type: 'schedule', name },
}));

const COSINE: ControllerSpec = { type: 'schedule', name: 'cosine' };

/** What a contender is called whose initial learning rate was tuned. */
const tunedName = (contender: string): string => `${contender}, tuned`;

/** Who takes part from every initial learning rate, in the order of the table: learned policies, hand-made schedules, the user's own. */
export function evaluationContenders(policy: PolicySnapshot, own: NamedControllers): readonly EvaluationContender[] {
	const added = Object.entries(own).map(
		([contender, controller]): EvaluationContender =>
			controller.type === 'policy'
				? { contender, kind: 'learned', controller, interval: decisionInterval(controller.policy.spec) }
				: { contender, kind: 'own', controller },
	);
	return [
		{ contender: 'learned', kind: 'learned', controller: { type: 'policy', policy } },
		...added.filter(({ kind }) => kind === 'learned'),
		...RIVALS,
		...added.filter(({ kind }) => kind === 'own'),
	];
}

/** Whose initial learning rates are tuned: the cosine's, and in the same way those of the user's own schedules. */
export function tunedContenders(own: NamedControllers): readonly Omit<EvaluationContender, 'kind'>[] {
	return [
		{ contender: tunedName('cosine'), controller: COSINE },
		...Object.entries(own)
			.filter(([, { type }]) => type !== 'policy')
			.map(([name, controller]) => ({ contender: tunedName(name), controller })),
	];
}

/** Of a name that stands in tables: one line, not too long. */
const NAME = /^(?! )[^\p{C}\p{Zl}\p{Zp}]{1,60}(?<! )$/u;

/** What controllers of the user's own must go with. */
export interface ContenderTable {
	/** Names that others have. */
	readonly taken: readonly string[];
	/** Names of the further rows that a contender of this name may have. */
	readonly derived: (name: string) => readonly string[];
	/** That schedules will be asked for. */
	readonly horizons: readonly number[];
}

/**
 * Tells before any training what is wrong with controllers of the user's own.
 * @throws GannoError `INVALID_ARGUMENT`
 */
export async function checkNamedControllers(
	own: NamedControllers,
	{ taken, derived, horizons }: ContenderTable,
): Promise<void> {
	checkObject(own, 'controllers');
	const names = new Set(taken);
	for (const [name, controller] of Object.entries(own)) {
		if (!NAME.test(name)) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				`Expected a name of 1 to 60 characters, on one line, for a contender but received ${JSON.stringify(name)}`,
			);
		}
		for (const row of [name, ...derived(name)]) {
			if (names.has(row)) {
				throw new GannoError(
					'INVALID_ARGUMENT',
					`A contender is called ${JSON.stringify(row)} already; give yours another name${row === name ? '' : ` than ${JSON.stringify(name)}`}`,
				);
			}
			names.add(row);
		}
		checkMethod(controller, `controllers[${JSON.stringify(name)}]`);
		if (controller.type === 'module') await loadControllerModule(controller.module, horizons);
	}
}

/** What the evaluation's table has anyway. */
export function evaluationNames(horizons: readonly number[]): ContenderTable {
	const taken = ['learned', ...RIVALS.map(({ contender }) => contender)];
	return { taken: [...taken, tunedName('cosine')], derived: (name) => [tunedName(name)], horizons };
}

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { GannoError } from '../../errors.js';
import type { Policy } from '../../policy/policy.js';
import { moduleUrl } from '../../rollouts/controller-module.js';
import type { ControllerSpec } from '../../rollouts/controller-spec.js';
import { checkNamedControllers } from '../evaluation-contenders.js';
import { type NamedPolicy, namedPolicy } from '../policy-contender.js';
import type { Suite } from './definitions/suite-spec.js';
import { METHODS, type OwnSchedule, ownRows, UNTUNED } from './suite-contenders.js';
import { BEST_METHOD, BEST_TUNED, BEST_TUNED_GLOBALLY } from './suite-summary.js';

/** Who takes part in a suite besides the rivals: policies, and schedules of the user's own. */

/** A policy and what the tables call it. */
export interface SuitePolicy {
	readonly name: string;
	readonly policy: Policy;
}

/** A schedule of the user's own: what the tables call it, and its module. */
export interface SuiteSchedule {
	readonly name: string;
	readonly file: string;
}

/** @throws GannoError `INVALID_ARGUMENT` for two of one name */
export function namedPolicies(policies: readonly SuitePolicy[]): NamedPolicy[] {
	const names = policies.map(({ name }) => name);
	const twice = names.find((name, i) => names.indexOf(name) !== i);
	if (twice !== undefined) {
		throw new GannoError('INVALID_ARGUMENT', `Two policies are called ${JSON.stringify(twice)}; give them other names`);
	}
	return policies.map(({ name, policy }) => namedPolicy(name, policy));
}

/**
 * Schedules as methods of the suite.
 * @throws GannoError `INVALID_ARGUMENT` for a name, of a policy too, that is taken, or a module that gives no schedule for the tasks of the suite
 */
export async function ownSchedules(
	{ tasks }: Suite,
	policies: readonly NamedPolicy[],
	schedules: readonly SuiteSchedule[] = [],
): Promise<OwnSchedule[]> {
	const rivals = [...METHODS, ...UNTUNED].map(({ name }) => name);
	const taken = [...rivals, ...ownRows(METHODS), BEST_TUNED, BEST_METHOD, BEST_TUNED_GLOBALLY];
	const named = policies.map(({ name, policy }): [string, ControllerSpec] => [name, { type: 'policy', policy }]);
	await checkNamedControllers(Object.fromEntries(named), { taken, derived: () => [], horizons: [] });
	const own = schedules.map(({ name, file }): [string, ControllerSpec] => [name, { type: 'module', module: file }]);
	await checkNamedControllers(Object.fromEntries(own), {
		taken: [...taken, ...policies.map(({ name }) => name)],
		derived: (name) => ownRows([{ name }]).filter((row) => row !== name),
		horizons: [...new Set(tasks.map(({ horizon }) => horizon))],
	});
	return schedules.map(({ name, file }) => ({
		name,
		file,
		digest: createHash('sha256')
			.update(readFileSync(fileURLToPath(moduleUrl(file, 'file'))))
			.digest('hex'),
		trainer: { type: 'module', module: file },
	}));
}

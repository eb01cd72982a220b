import { checkOneOf } from '../arguments.js';
import { agentFields, rewardFields } from '../environment/agent-settings.js';
import { OBSERVATION_VERSIONS, type ObservationVersion } from '../environment/agent-spaces.js';
import { BASE_SCHEDULES } from '../schedules/base-schedule.js';
import { checkSettings } from '../settings/check-settings.js';
import { choice, type SettingsOf, section } from '../settings/setting-fields.js';

/** The section `environment` of a config. */
export const environmentSection = section({
	...agentFields,
	...rewardFields,
	baseSchedule: choice(BASE_SCHEDULES, {
		default: 'constant',
		description: "Multiplies the policy's learning rates step by step, in training and evaluation.",
	}),
});

/**
 * What every environment of an executor has in common: the section `environment` of a config (docs/meta-training.md lists its keys), and the
 * observation. In an evaluation a policy brings its own observation, granularity and second control.
 */
export interface EnvironmentSettings extends Partial<SettingsOf<typeof environmentSection>> {
	/** Default `layer-v1`. */
	readonly observation?: ObservationVersion;
}

/** @throws GannoError `INVALID_ARGUMENT`; which values go together is judged where an environment is opened */
export function checkEnvironmentSettings(settings: EnvironmentSettings): void {
	checkSettings(environmentSection, settings, 'environment', { beside: ['observation'] });
	const { observation } = settings;
	if (observation !== undefined) checkOneOf(observation, 'environment.observation', OBSERVATION_VERSIONS);
}

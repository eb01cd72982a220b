import type { z } from 'zod';
import { runFields } from '../config/config.js';
import { type ConfigLayer, parseLayers } from '../config/config-load.js';
import { refuse, type SettingKey, settingKeys } from '../settings/check-settings.js';
import { type SettingsInput, type SettingsOf, settings } from '../settings/setting-fields.js';
import { modelTrainingSection, retrainingSection, searchLearnerSection, spaceSection } from './search-sections.js';
import { checkSpace, type SearchSpace } from './space.js';

/** Everything that decides how an architecture search goes. */

const searchFields = {
	...runFields,
	space: spaceSection,
	learner: searchLearnerSection,
	training: modelTrainingSection,
	retraining: retrainingSection,
};

type Fields = z.ZodObject<typeof searchFields>;

/** A search's settings, complete. */
export type SearchConfig = SettingsOf<Fields>;

/** Settings as a user gives them: every key optional. */
export type SearchConfigInput = SettingsInput<Fields>;

export const searchConfigSchema = settings(searchFields, (payload) => {
	const { milestones, decays } = payload.value.retraining;
	if (milestones.length === decays.length) return;
	const expected = `a list of ${milestones.length} factors, one a milestone,`;
	refuse(payload, ['retraining', 'decays'], { expected, received: decays });
});

/** Settings that may differ when a search goes on: they change no bit of the log. */
export const RESUMABLE_SEARCH_SETTINGS = ['workers', 'device', 'dataDirectory'] as const;

/** Every key with its default, unit and one sentence; docs/search.md prints it. */
export function searchConfigReference(): SettingKey[] {
	return settingKeys(searchConfigSchema);
}

/**
 * The config of some layers, weakest first.
 * @throws GannoError `INVALID_CONFIG`, `INVALID_ARGUMENT`
 */
export function resolveSearchConfig(layers: readonly ConfigLayer[]): SearchConfig {
	const config = parseLayers(searchConfigSchema, layers, { page: 'docs/search.md' });
	spaceOf(config, 1);
	return config;
}

/** The search space of a config, for images of a size. */
export function spaceOf({ space }: SearchConfig, imageSize: number): SearchSpace {
	return checkSpace({ ...space, imageSize });
}

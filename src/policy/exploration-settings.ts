import type { z } from 'zod';
import { boolean, type SettingsOf } from '../settings/setting-fields.js';

/** What the section `learner` of a config says of how policies explore. */
export const explorationFields = {
	/**
	 * One noise vector for all layers of a network instead of one each (default false). Every agent's own distribution, and so every ratio of
	 * PPO, stays as it is; the layers of a network explore together.
	 */
	sharedExplorationNoise: boolean({
		default: false,
		description: 'One exploration noise for all layers of a network instead of one each.',
	}),
};

/** How a policy explores in rollouts. */
export type ExplorationSettings = SettingsOf<z.ZodObject<typeof explorationFields>>;

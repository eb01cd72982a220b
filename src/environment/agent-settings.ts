import { z } from 'zod';
import { ALGORITHMS } from '../optimizer/algorithms.js';
import { choice, field, number, type SettingsOf } from '../settings/setting-fields.js';
import { ACTION_MODES } from './actions/actions.js';
import { SECOND_CONTROLS } from './actions/joint-action.js';
import { DEFAULT_MULTIPLIER, SCALING_ACTION_MODES } from './actions/scaling-action.js';
import { GRANULARITIES } from './observations/observer.js';
import { REWARDS } from './rewards/reward.js';

/** What the section `environment` of a config says of agents and of their reward. */

const baselineRate = z.number().gt(0).max(10);

export const agentFields = {
	granularity: choice(GRANULARITIES, {
		default: 'layer',
		option: '--granularity <name>',
		group: 'Agents',
		description: 'One agent per layer, or one per network.',
	}),
	action: choice([...ACTION_MODES, ...SCALING_ACTION_MODES], {
		default: 'compounding',
		option: '--action <rule>',
		group: 'Agents',
		description:
			"How an action becomes a learning rate; the controller 'adaptive-lr' takes 'three-way' or 'continuous', 'layerwise' the rest.",
	}),
	multiplier: number({
		default: DEFAULT_MULTIPLIER,
		min: 1,
		above: true,
		max: 100,
		description: "Largest factor of a decision under 'three-way' and 'continuous', either way.",
	}),
	secondControl: choice(SECOND_CONTROLS, {
		default: 'none',
		option: '--second-control <name>',
		group: 'Agents',
		description: 'What agents set beside the learning rate, at one of three levels.',
	}),
};

export const rewardFields = {
	reward: choice(REWARDS, {
		default: 'log-improvement',
		option: '--reward <name>',
		group: 'Agents',
		description: "The reward of the agents; 'baseline' costs a second run of every network.",
	}),
	baselineLearningRate: field(
		z.union([z.literal('tuned'), baselineRate, z.partialRecord(z.enum(ALGORITHMS), baselineRate)]),
		{
			default: 'tuned',
			expected: "'tuned', a number above 0 and at most 10, or one for each optimiser as in { adam: 0.003, sgd: 0.1 }",
			description:
				"Initial learning rate of the cosine that the 'baseline' reward compares with; 'tuned': found before the run for each child optimiser, on evaluation.tuningLearningRates.",
		},
	),
};

type Fields<S extends z.ZodRawShape> = Partial<SettingsOf<z.ZodObject<S>>>;

/** `granularity`, `action`, `multiplier` and `secondControl` of a config's section `environment`; what is left out goes with the observation. */
export type AgentSettings = Fields<typeof agentFields>;

/** `reward` and `baselineLearningRate` of a config's section `environment`. */
export type RewardSettings = Fields<typeof rewardFields>;

/** The learning rate of the baseline's cosine: one, or one per child optimiser; `tuned`: not known yet. */
export type BaselineLearningRate = NonNullable<RewardSettings['baselineLearningRate']>;

import { z } from 'zod';
import { choice, field, integer, list, section } from '../settings/setting-fields.js';
import { networkFamilySchema } from '../tasks/network-family.js';

/** The sections of a config that no room of their own declares. */

const rate = z.number().gt(0).max(10);

export const policySection = section({
	network: choice(['feed-forward', 'recurrent'], {
		default: 'feed-forward',
		option: '--network <kind>',
		group: 'Agents',
		description: "The agents' network.",
	}),
	hiddenUnits: integer({
		default: 64,
		min: 1,
		max: 4096,
		description: 'Units of its hidden layers (recurrent: of the GRU too).',
	}),
});

export const checkpointSection = section({
	every: integer({ default: 10, min: 1, max: 1_000_000, unit: 'iterations', description: 'Between checkpoints.' }),
	keep: integer({ default: 3, min: 1, max: 1000, description: 'Checkpoints kept; older ones are deleted.' }),
});

export const evaluationSection = section({
	network: field(networkFamilySchema, {
		default: { type: 'mlp', hidden: [64, 32] },
		expected: "a network, e.g. { type: 'mlp', hidden: [64, 32] }",
		description: 'The child network of the evaluation table.',
	}),
	learningRates: list(rate, {
		default: [1e-5, 1e-4, 1e-3, 1e-2, 1e-1],
		expected: 'a list of numbers above 0 and at most 10',
		description: 'Initial learning rates, one a column.',
	}),
	seed: integer({
		default: 231_118_598,
		min: 0,
		max: 0xffffffff,
		description: 'Held-out tasks follow from it, whatever the seed of the run.',
	}),
	seeds: integer({ default: 16, min: 1, max: 100_000, description: 'Held-out seeds of each cell.' }),
	tuningLearningRates: list(rate, {
		default: [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1],
		expected: 'a list of numbers above 0 and at most 10',
		description: 'The grid that the tuned cosine is chosen from, by validation accuracy.',
	}),
	tuningSeeds: integer({
		default: 8,
		min: 1,
		max: 100_000,
		description: 'Seeds per point of that grid, apart from the held-out ones.',
	}),
});

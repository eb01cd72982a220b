import type { ConfigInput } from './config.js';

/** Named settings; what a preset leaves out has the default of the config. */
export const PRESETS = {
	/** What `npm start` runs: small networks, few iterations; minutes on two cores. */
	quick: {
		iterations: 60,
		downsample: 2,
		tasks: {
			networks: [{ type: 'mlp', hidden: [64, 32] }],
			perIteration: 4,
			networksPerTask: 8,
			horizon: 500,
			decisions: 20,
			sliceSize: 4000,
		},
		learner: { normalizerIterations: 20 },
		checkpoint: { every: 10 },
		evaluation: { seeds: 8, tuningSeeds: 4 },
	},
	/** A longer run over several depths, optimisers and batch sizes. */
	standard: {
		iterations: 400,
		tasks: {
			networks: [
				{ type: 'mlp', depth: [1, 4], width: [32, 256] },
				{ type: 'cnn', filters: [16, 32], hidden: [64] },
			],
			perIteration: 8,
			networksPerTask: 8,
			horizon: 1000,
			decisions: 20,
			batchSizes: [32, 64, 128],
			optimizers: ['adam', 'adamw', 'momentum', 'sgd', 'rmsprop'],
			sliceSize: 10_000,
		},
		evaluation: { network: { type: 'cnn', filters: [16, 32], hidden: [64] } },
	},
} as const satisfies Record<string, ConfigInput>;

export type PresetName = keyof typeof PRESETS;

export const PRESET_NAMES = Object.keys(PRESETS) as readonly PresetName[];

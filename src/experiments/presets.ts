import type { ConfigInput } from './config.js';

/** Named settings; what a preset leaves out has the default of the config. */
export const PRESETS = {
	/** What `npm start` runs: small networks on 14×14 images, as many episodes as two cores do in a minute or two. */
	quick: {
		iterations: 120,
		downsample: 2,
		tasks: {
			networks: [{ type: 'mlp', hidden: [64, 48, 32] }],
			perIteration: 4,
			networksPerTask: 8,
			horizon: 500,
			decisions: 20,
			sliceSize: 4000,
		},
		learner: { normalizerIterations: 20 },
		checkpoint: { every: 10 },
		evaluation: {
			network: { type: 'mlp', hidden: [64, 48, 32] },
			seeds: 16,
			tuningLearningRates: [0.001, 0.00178, 0.00316, 0.00562, 0.01, 0.0178, 0.0316],
			tuningSeeds: 8,
		},
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

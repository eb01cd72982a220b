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
	/**
	 * One policy for many kinds of training: fully connected and convolutional networks, five optimisers, batches of 16 to 256, 10 to 60
	 * decisions. Every iteration sees all of it, in 12 rollouts of 4 networks: the more kinds an update sees, the less it forgets.
	 */
	standard: {
		iterations: 800,
		downsample: 2,
		tasks: {
			networks: [
				{ type: 'mlp', depth: [1, 4], width: [16, 128], activation: ['relu', 'relu', 'tanh'] },
				{ type: 'mlp', depth: [3, 7], width: [16, 96], activation: ['relu', 'relu', 'tanh'] },
				{ type: 'mlp', depth: [1, 7], width: [8, 64], activation: ['relu', 'tanh'] },
				{
					type: 'cnn',
					convolutions: [1, 3],
					filters: [4, 20],
					depth: [0, 2],
					width: [16, 64],
					activation: ['relu', 'relu', 'tanh'],
				},
			],
			perIteration: 12,
			networksPerTask: 4,
			horizon: [480, 480, 240, 960],
			decisions: [20, 20, 10, 30, 40, 60],
			batchSizes: [32, 16, 64, 128, 256],
			optimizers: ['adam', 'adamw', 'momentum', 'rmsprop', 'sgd'],
			initialLearningRates: [1e-6, 1],
			layerSpreadDecades: 2,
			layerSpreadShare: 0.25,
			initialScaleShare: 0.2,
			fineTuning: {
				share: 0.12,
				changes: ['labels', 'more-classes', 'images', 'classes'],
				horizon: 240,
				pretrainingSteps: 300,
			},
			sliceSize: [4000, 4000, 1000, 16_000],
			costLimit: 3,
			stratified: true,
		},
		environment: { action: 'coarse' },
		policy: { hiddenUnits: 128 },
		learner: { sharedExplorationNoise: true, miniBatches: 8, advantagePhases: 10 },
		evaluation: {
			network: { type: 'mlp', hidden: [64, 48, 32] },
			tuningLearningRates: [0.001, 0.00178, 0.00316, 0.00562, 0.01, 0.0178, 0.0316],
		},
	},
	/**
	 * Xu et al. 2019 on Fashion-MNIST: one learning rate, a decision every 10 steps, a factor of at most 10 either way: with 1.5, a start at
	 * 0.1 broke networks before the learning rate had come down.
	 */
	'adaptive-lr': {
		controller: 'adaptive-lr',
		iterations: 200,
		downsample: 2,
		tasks: {
			networks: [{ type: 'mlp', hidden: [64, 48, 32] }],
			perIteration: 4,
			networksPerTask: 8,
			horizon: 1000,
			decisions: 100,
			initialLearningRates: [3e-6, 0.3],
			sliceSize: 4000,
			stratified: true,
		},
		environment: { multiplier: 10 },
		policy: { hiddenUnits: 64 },
		learner: { normalizerIterations: 10, lambda: 0.98, targetKl: 0.1, advantagePhases: 10, miniBatches: 8 },
		evaluation: {
			network: { type: 'mlp', hidden: [64, 48, 32] },
			seeds: 16,
			tuningLearningRates: [0.001, 0.00178, 0.00316, 0.00562, 0.01, 0.0178, 0.0316],
			tuningSeeds: 8,
		},
	},
	/** `standard` on full-size images, with larger networks and hundreds at a time, for a CUDA device. */
	gpu: {
		iterations: 1000,
		device: 'cuda:0',
		tasks: {
			networks: [
				{ type: 'mlp', depth: [1, 7], width: [8, 128], activation: ['relu', 'tanh'] },
				{
					type: 'cnn',
					convolutions: [1, 4],
					filters: [8, 64],
					depth: [0, 2],
					width: [16, 128],
					activation: ['relu', 'tanh'],
				},
			],
			perIteration: 16,
			networksPerTask: 128,
			horizon: [960, 480, 1920],
			decisions: [20, 10, 30, 40, 60],
			batchSizes: [64, 16, 32, 128, 256],
			optimizers: ['adam', 'adamw', 'momentum', 'rmsprop', 'sgd'],
			initialLearningRates: [1e-6, 1],
			layerSpreadDecades: 2,
			layerSpreadShare: 0.25,
			initialScaleShare: 0.2,
			fineTuning: { share: 0.12, changes: ['labels', 'more-classes', 'images', 'classes'], horizon: 480 },
			sliceSize: [16_000, 4000, 0],
			stratified: true,
		},
		environment: { action: 'coarse' },
		policy: { hiddenUnits: 128 },
		learner: { sharedExplorationNoise: true, miniBatches: 16, advantagePhases: 10 },
		evaluation: { network: { type: 'cnn', filters: [16, 32], hidden: [64] } },
	},
} as const satisfies Record<string, ConfigInput>;

export type PresetName = keyof typeof PRESETS;

export const PRESET_NAMES = Object.keys(PRESETS) as readonly PresetName[];

import type { SearchConfigInput } from './search-config.js';

/** Rows of a data set's images, before `downsample`: what `--describe` counts with when nothing else is said. */
export const IMAGE_SIZES = {
	'fashion-mnist': 28,
	mnist: 28,
	'cifar-10': 32,
	svhn: 32,
	synthetic: 8,
} as const;

/** Named settings of a search; what a preset leaves out has the default of the config, which is the paper's. */
export const SEARCH_PRESETS = {
	'cifar-10': { dataset: 'cifar-10' },
	svhn: {
		dataset: 'svhn',
		space: { maximumDepth: 12 },
		// 5, 5, 20 and 10 epochs.
		retraining: { epochs: 40, milestones: [5 / 40, 10 / 40, 30 / 40] },
	},
	mnist: {
		dataset: 'mnist',
		space: { maximumDepth: 12 },
		retraining: {
			epochs: 40,
			optimizer: 'adam',
			learningRate: 1e-3,
			milestones: [5 / 40, 10 / 40, 15 / 40, 20 / 40, 25 / 40, 30 / 40, 35 / 40],
			decays: [0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2],
		},
	},
	/** The same search on a CPU: 14×14 images, narrow layers, few of them, four short epochs. */
	small: {
		dataset: 'fashion-mnist',
		downsample: 2,
		space: { maximumDepth: 6, filters: [8, 16, 32], denseUnits: [64, 32, 16] },
		learner: {
			epsilons: [
				[1, 60],
				[0.8, 15],
				[0.6, 15],
				[0.4, 15],
				[0.2, 25],
				[0.1, 50],
			],
			learningRate: 0.1,
		},
		training: { epochs: 4, decayEpochs: 1, learningRate: 3e-3, decay: 0.5, sliceSize: 6000, validationSize: 2000 },
		retraining: {
			count: 3,
			epochs: 10,
			optimizer: 'adam',
			learningRate: 3e-3,
			milestones: [0.5, 0.8],
			decays: [0.2, 0.2],
			sliceSize: 20000,
		},
	},
} as const satisfies Readonly<Record<string, SearchConfigInput>>;

export type SearchPresetName = keyof typeof SEARCH_PRESETS;

export const SEARCH_PRESET_NAMES = Object.keys(SEARCH_PRESETS) as readonly SearchPresetName[];

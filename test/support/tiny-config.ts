/** Seconds, not minutes: an 8 × 8 data set, two tiny networks, few steps. */
export const TINY = {
	dataset: 'synthetic',
	iterations: 3,
	workers: 2,
	tasks: {
		networks: [{ type: 'mlp', hidden: [8] }],
		perIteration: 2,
		networksPerTask: 2,
		horizon: 20,
		decisions: 4,
		batchSizes: [8],
		sliceSize: 64,
		validationSize: 32,
		// Of the preset standard; half of so few images is less than a fine-tuned network's slice.
		fineTuning: { share: 0 },
	},
	policy: { hiddenUnits: 8 },
	checkpoint: { every: 2 },
	evaluation: {
		network: { type: 'mlp', hidden: [8] },
		learningRates: [1e-3, 1e-1],
		seeds: 2,
		tuningLearningRates: [1e-3, 1e-2],
		tuningSeeds: 2,
	},
};

/** A search of 12 small models on synthetic images: seconds. */
export const TINY_SEARCH = {
	dataset: 'synthetic',
	seed: 4,
	workers: 1,
	space: { maximumDepth: 3, filters: [4, 8], kernelSizes: [3], denseUnits: [16], sizeBuckets: [4, 1] },
	learner: {
		epsilons: [
			[1, 6],
			[0.3, 6],
		],
		learningRate: 0.1,
		parallel: 3,
	},
	training: { epochs: 2, batchSize: 32, learningRate: 0.003 },
	retraining: { count: 2, epochs: 4, optimizer: 'adam', learningRate: 0.003, milestones: [0.5], decays: [0.2] },
};

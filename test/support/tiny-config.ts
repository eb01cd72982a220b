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

/**
 * What the agent 'adaptive-lr' (Xu et al. 2019) means where nobody says otherwise: a decision every 10 steps of 1000, one learning rate
 * for all layers, paid by the validation loss. The number of steps is a re-implementation's; the paper's is not known.
 */
export const ADAPTIVE_LR_DEFAULTS = {
	environment: { agents: 'one', action: 'continuous', reward: 'validation-loss' },
	tasks: {
		horizon: 1000,
		decisions: 100,
		layerSpreadShare: 0,
		fineTuning: { horizon: 1000 },
	},
};

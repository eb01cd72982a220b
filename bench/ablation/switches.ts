import type { ConfigInput } from '#ganno/config/config.js';

/**
 * What every run of the ablation has in common: a reduced `standard`, small enough that one run trains and is judged in under a minute
 * on two cores. Half of the networks start with layers out of balance, so that layerwise control has something to win.
 */
export const REFERENCE = {
	iterations: 80,
	downsample: 2,
	tasks: {
		networks: [
			{ type: 'mlp', depth: [1, 4], width: [16, 64], activation: ['relu', 'tanh'] },
			{ type: 'mlp', depth: [2, 5], width: [16, 48], activation: ['relu', 'tanh'] },
		],
		perIteration: 8,
		networksPerTask: 4,
		horizon: [480, 240],
		decisions: [20],
		batchSizes: [16, 32, 64],
		optimizers: ['adam', 'momentum', 'rmsprop', 'sgd'],
		layerSpreadDecades: 2,
		layerSpreadShare: 0.25,
		initialScaleShare: 0.25,
		sliceSize: [4000, 1000],
		costLimit: 1.2,
		stratified: true,
	},
	environment: { action: 'coarse' },
	learner: { sharedExplorationNoise: true, miniBatches: 8, advantagePhases: 10 },
	evaluation: { tuningSeeds: 8 },
} as const satisfies ConfigInput;

/** Iterations, and held-out tasks that a policy is judged on. */
export const BUDGETS = {
	full: { iterations: REFERENCE.iterations, tasks: 256, seeds: 3 },
	quick: { iterations: 3, tasks: 8, seeds: 2 },
} as const;

/**
 * One thing changed from the reference: layerwise, coarse actions, advantages normalised by phase, log-improvement, feed-forward, IPPO,
 * shared exploration noise.
 */
export const SWITCHES = {
	reference: {},
	'one-agent': { environment: { granularity: 'network' } },
	'own-exploration-noise': { learner: { sharedExplorationNoise: false } },
	'advantages-together': { learner: { advantagePhases: 1 } },
	'leave-one-out': { learner: { leaveOneOut: true } },
	recurrent: { policy: { network: 'recurrent' } },
	mappo: { learner: { algorithm: 'mappo' } },
	'action-compounding': { environment: { action: 'compounding' } },
	'coarse-on-cosine': { environment: { baseSchedule: 'cosine' } },
	'action-absolute': { environment: { action: 'absolute' } },
	'reward-baseline': { environment: { reward: 'baseline' } },
	'reward-final-loss': { environment: { reward: 'final-loss' } },
	'reward-accuracy-gain': { environment: { reward: 'accuracy-gain' } },
	'second-control-weight-decay': { environment: { secondControl: 'weight-decay' } },
	'trained-in-balance': { tasks: { layerSpreadShare: 0, initialScaleShare: 0 } },
} as const satisfies Readonly<Record<string, ConfigInput>>;

export type SwitchName = keyof typeof SWITCHES;

export const SWITCH_NAMES = Object.keys(SWITCHES) as readonly SwitchName[];

type Settings = Readonly<Record<string, unknown>>;

/** The reference with a switch's changes: sections are merged key by key. */
export function withChanges(reference: ConfigInput, changes: ConfigInput): ConfigInput {
	const merged: Record<string, unknown> = { ...reference };
	for (const [key, value] of Object.entries(changes)) {
		merged[key] = { ...(merged[key] as Settings | undefined), ...(value as Settings) };
	}
	return merged as ConfigInput;
}

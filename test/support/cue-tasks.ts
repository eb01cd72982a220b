import type { Learner } from '../../src/learner/learner.js';
import type { Trajectory } from '../../src/learner/trajectory.js';
import { PhiloxGenerator } from '../../src/philox.js';
import { createPolicyInference } from '../../src/policy/inference.js';
import type { PolicySpec } from '../../src/policy/policy.js';
import { sampleActions } from '../../src/policy/sampling.js';
import { taskOf } from './trajectories.js';

/**
 * Small cooperative games with a known best return, played with the real inference and sampling. Every agent sees a cue (one of
 * three, one-hot, noisy scale), the time, and nothing of the others; the team is paid the share of agents that answered right.
 *
 * - `now`: answer the cue on display. Best return per decision: 1.
 * - `memory`: the cue shows at the first decision only, and is to be answered at the last. Best return: 1; without memory: 1/3.
 */
export type CueGame = 'now' | 'memory';

export const CUE_OBSERVATION_SIZE = 5;
const CUES = 3;

export function cueSpec(network: PolicySpec['network'], hiddenUnits: number): PolicySpec {
	return {
		network,
		observation: 'cue',
		observationSize: CUE_OBSERVATION_SIZE,
		action: 'cue',
		actions: CUES,
		hiddenUnits,
		granularity: 'layer',
	};
}

export interface CueOptions {
	readonly game: CueGame;
	readonly networks: number;
	readonly agents: number;
	readonly decisions: number;
	/** Rewards of a network stop here at times: `active` ends early for every fourth network. */
	readonly endEarly?: boolean;
	readonly greedy?: boolean;
	readonly sharedExplorationNoise?: boolean;
}

/** Plays one population for one episode. */
export function playCues(learner: Learner, options: CueOptions, seed: number): Trajectory {
	const { game, networks, agents, decisions } = options;
	const generator = new PhiloxGenerator(seed, 'environment');
	const inference = createPolicyInference(learner.snapshot());
	const rows = networks * agents;
	const size = CUE_OBSERVATION_SIZE;
	const observations = new Float32Array(decisions * rows * size);
	const actions = new Uint8Array(decisions * rows);
	const logProbabilities = new Float32Array(decisions * rows);
	const rewards = new Float32Array(decisions * rows);
	const active = new Uint8Array(decisions * networks).fill(1);
	const state = new Float32Array(rows * inference.stateSize);
	const logits = new Float32Array(rows * CUES);
	const networkSeeds = Uint32Array.from({ length: networks }, () => generator.nextUint32());
	const cues = new Uint8Array(rows);
	for (let t = 0; t < decisions; t++) {
		const at = t * rows;
		const showing = game === 'now' || t === 0;
		for (let row = 0; row < rows; row++) {
			if (showing) cues[row] = generator.nextInteger(CUES);
			const offset = (at + row) * size;
			if (showing) observations[offset + cues[row]!] = generator.uniform(2, 6); // not normalised: the normaliser must
			observations[offset + CUES] = decisions > 1 ? (2 * t) / (decisions - 1) - 1 : 0;
			observations[offset + CUES + 1] = generator.uniform(-1, 1);
		}
		inference.forward(observations.subarray(at * size), rows, state, logits);
		sampleActions(
			logits,
			{
				networks,
				agents,
				actions: CUES,
				networkSeeds,
				decision: t,
				greedy: options.greedy === true,
				sharedExplorationNoise: options.sharedExplorationNoise === true,
			},
			actions.subarray(at),
			logProbabilities.subarray(at),
		);
		const paid = game === 'now' || t === decisions - 1;
		for (let network = 0; network < networks; network++) {
			if (options.endEarly === true && network % 4 === 3 && t >= decisions / 2) active[t * networks + network] = 0;
			let right = 0;
			for (let agent = 0; agent < agents; agent++) {
				const row = network * agents + agent;
				if (actions[at + row] === cues[row]) right++;
			}
			for (let agent = 0; agent < agents; agent++) rewards[at + network * agents + agent] = paid ? right / agents : 0;
		}
	}
	return {
		task: taskOf(decisions, networks, agents),
		decisions,
		networks,
		agents,
		observations,
		actions,
		logProbabilities,
		rewards,
		active,
		outcomes: new Float32Array(networks * 5),
		diverged: new Uint8Array(networks),
		milliseconds: { total: 0, native: 0 },
	};
}

/** Mean over the agents of the mean reward of the decisions that pay, active ones. */
export function meanReward(trajectory: Trajectory, game: CueGame): number {
	const { decisions, networks, agents, rewards, active } = trajectory;
	let sum = 0;
	let count = 0;
	for (let t = game === 'now' ? 0 : decisions - 1; t < decisions; t++) {
		for (let row = 0; row < networks * agents; row++) {
			if (active[t * networks + Math.floor(row / agents)] !== 1) continue;
			sum += rewards[t * networks * agents + row]!;
			count++;
		}
	}
	return sum / count;
}

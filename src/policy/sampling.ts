import { types } from 'node:util';
import { checkBoolean, checkCapacity, checkInteger, checkKeys, invalidArgument, keysOf } from '../arguments.js';
import { counted } from '../counted.js';
import { philox4x32, STREAMS } from '../philox.js';
import type { ExplorationSettings } from './exploration-settings.js';
import { deterministicExp, deterministicLog } from './transcendental.js';

export interface SamplingOptions extends Partial<ExplorationSettings> {
	readonly networks: number;
	/** Rows per network: its layers, or 1. */
	readonly agents: number;
	readonly actions: number;
	/** Take the most likely action (the first of equals); the other options are ignored then. */
	readonly greedy?: boolean;
	/** `[networks]`: each network's own seed, so that its exploration is independent of the other networks. */
	readonly networkSeeds?: ArrayLike<number>;
	/** uint32; default 0. */
	readonly explorationSeed?: number;
	/** Index of the decision in the episode; default 0. */
	readonly decision?: number;
}

const SAMPLING_KEYS = keysOf<SamplingOptions>({
	networks: true,
	agents: true,
	actions: true,
	greedy: true,
	networkSeeds: true,
	explorationSeed: true,
	decision: true,
	sharedExplorationNoise: true,
});

/** The options that both ways of sampling share; sizes are checked by each. @throws GannoError `INVALID_ARGUMENT` */
export function checkSamplingOptions(options: Omit<SamplingOptions, 'actions'>): void {
	checkKeys(options, 'options', SAMPLING_KEYS);
	checkBoolean(options.greedy, 'greedy');
	checkBoolean(options.sharedExplorationNoise, 'sharedExplorationNoise');
	checkInteger(options.explorationSeed ?? 0, 'explorationSeed', 0, 0xffffffff);
	checkInteger(options.decision ?? 0, 'decision', 0, 0xffffffff);
}

/**
 * Draws an action per row from softmax(logits) by the Gumbel-max trick: argmax(logit − ln(−ln u)). u comes from Philox keyed by
 * (exploration seed, stream 'exploration') at the counter (block of four actions, agent, network seed, decision), so a draw is a
 * pure function of these.
 * @param logits `[networks × agents × actions]`
 * @param actionsOut `[networks × agents]`, written
 * @param logProbabilitiesOut `[networks × agents]`, written: ln softmax(logits) of the action taken
 */
export function sampleActions(
	logits: Float32Array,
	options: SamplingOptions,
	actionsOut: Uint8Array,
	logProbabilitiesOut?: Float32Array,
): void {
	checkSamplingOptions(options);
	const { networks, agents, actions, greedy = false, explorationSeed = 0, decision = 0 } = options;
	checkInteger(actions, 'actions', 1, 256);
	const rows = checkInteger(networks, 'networks', 0) * checkInteger(agents, 'agents', 1);
	checkCapacity(logits, 'logits', rows * actions, 'networks × agents × actions');
	if (!types.isUint8Array(actionsOut) || actionsOut.length < rows)
		throw invalidArgument(`a Uint8Array of length ${rows}`, 'actionsOut', actionsOut);
	const seeds = options.networkSeeds;
	if (!greedy && !(typeof seeds === 'object' && seeds?.length >= networks)) {
		throw invalidArgument(counted(networks, 'network seed'), 'networkSeeds', seeds);
	}
	if (logProbabilitiesOut !== undefined) {
		checkCapacity(logProbabilitiesOut, 'logProbabilitiesOut', rows, 'networks × agents');
	}
	const shared = options.sharedExplorationNoise === true;
	for (let network = 0; network < networks; network++) {
		for (let agent = 0; agent < agents; agent++) {
			const row = network * agents + agent;
			const offset = row * actions;
			if (!greedy && (agent === 0 || !shared)) {
				fillGumbel(explorationSeed, seeds?.[network] as number, decision, agent, actions);
			}
			let best = 0;
			let bestScore = Number.NEGATIVE_INFINITY;
			for (let action = 0; action < actions; action++) {
				const score = (logits[offset + action] as number) + (greedy ? 0 : (gumbel[action] as number));
				if (score > bestScore) {
					best = action;
					bestScore = score;
				}
			}
			actionsOut[row] = best;
			if (logProbabilitiesOut !== undefined) {
				logProbabilitiesOut[row] = (logits[offset + best] as number) - logSumExp(logits, offset, actions);
			}
		}
	}
}

const gumbel = new Float64Array(256);
const block = new Uint32Array(4);

function fillGumbel(seed: number, networkSeed: number, decision: number, agent: number, actions: number): void {
	for (let action = 0; action < actions; action++) {
		if (action % 4 === 0) {
			philox4x32(
				[seed >>> 0, STREAMS.exploration],
				[action / 4, agent >>> 0, networkSeed >>> 0, decision >>> 0],
				block,
			);
		}
		const uniform = ((block[action % 4] as number) + 0.5) * 2 ** -32; // in (0, 1): both logarithms are finite
		gumbel[action] = -deterministicLog(-deterministicLog(uniform));
	}
}

/** ln Σ exp of `count` logits from `offset`, shifted by their maximum. */
export function logSumExp(logits: Float32Array, offset: number, count: number): number {
	let maximum = logits[offset] as number;
	for (let i = 1; i < count; i++) maximum = Math.max(maximum, logits[offset + i] as number);
	let sum = 0;
	for (let i = 0; i < count; i++) sum += deterministicExp((logits[offset + i] as number) - maximum);
	return maximum + deterministicLog(sum);
}

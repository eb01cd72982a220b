import { checkOneOf, keysOf } from '../arguments.js';
import type { TrainableLayer } from '../networks/spec.js';
import { ACTION_COUNT, ACTION_MODES, type ActionMode, type LearningRateRule } from './actions/actions.js';
import { type NetworkActionMode, openActionRule, THREE_WAY_ACTIONS } from './actions/scaling-action.js';
import { LEVEL_COUNT, SECOND_CONTROLS, type SecondControl, type SecondControlName } from './actions/second-control.js';
import {
	type Agents,
	BOUNDED_OBSERVATIONS,
	OBSERVATION_SIZE,
	OBSERVATION_VERSION,
	ObservationEncoder,
	type Observer,
} from './observations/layer-observation.js';
import {
	NETWORK_OBSERVATION_SIZE,
	NETWORK_OBSERVATION_VERSION,
	NetworkObserver,
} from './observations/network-observation.js';

/** What kinds of agents there are: what they see, and which actions go with it. A policy file names both. */

export const OBSERVATION_VERSIONS = [OBSERVATION_VERSION, NETWORK_OBSERVATION_VERSION] as const;

export type ObservationVersion = (typeof OBSERVATION_VERSIONS)[number];

export interface AgentKind {
	readonly observation: ObservationVersion;
	readonly observationSize: number;
	/** Features that the normaliser leaves alone. */
	readonly bounded: readonly number[];
	/** Whether the agents see how far the episode is; where they do not, the critic does. */
	readonly observesProgress: boolean;
	/** Action rule → outputs of an actor that acts by it and sets learning rates only. */
	readonly actions: Readonly<Record<string, number>>;
	readonly agents: readonly Agents[];
	readonly secondControls: readonly SecondControl[];
}

/** `ganno`: an agent per layer, or one that sees their mean. `adaptive-lr`: one that sees the network (Xu et al. 2019). */
export const AGENT_KINDS = {
	ganno: {
		observation: OBSERVATION_VERSION,
		observationSize: OBSERVATION_SIZE,
		bounded: BOUNDED_OBSERVATIONS,
		observesProgress: true,
		actions: Object.fromEntries(ACTION_MODES.map((mode) => [mode, ACTION_COUNT])),
		agents: ['layerwise', 'one'],
		secondControls: SECOND_CONTROLS,
	},
	'adaptive-lr': {
		observation: NETWORK_OBSERVATION_VERSION,
		observationSize: NETWORK_OBSERVATION_SIZE,
		bounded: [],
		observesProgress: false,
		actions: { 'three-way': THREE_WAY_ACTIONS, continuous: 2 },
		agents: ['one'],
		secondControls: ['none'],
	},
} as const satisfies Record<string, AgentKind>;

export type AgentName = keyof typeof AGENT_KINDS;

export const AGENT_NAMES = ['ganno', 'adaptive-lr'] as const satisfies readonly AgentName[];

/** Whose observation this is; undefined: nobody's. */
export function agentNamed(observation: string): AgentName | undefined {
	return AGENT_NAMES.find((name) => AGENT_KINDS[name].observation === observation);
}

/** Outputs of an actor that acts so; undefined: this kind of agents does not. */
export function actorOutputs(
	kind: AgentKind,
	action: string,
	secondControl: SecondControl = 'none',
): number | undefined {
	const outputs = kind.actions[action];
	if (outputs === undefined || !kind.secondControls.includes(secondControl)) return undefined;
	return secondControl === 'none' ? outputs : outputs * LEVEL_COUNT;
}

/** What an environment is told of its agents. */
export interface AgentOptions {
	/** What agents see; default `layer-v1`. `network-v1` is for one agent alone. */
	readonly observation?: ObservationVersion;
	/** Default `compounding`; with `network-v1` `three-way` (default) or `continuous`. */
	readonly action?: ActionMode | NetworkActionMode;
	/** Largest factor of a decision under `three-way` and `continuous`; default 1.05. */
	readonly multiplier?: number;
	/** Default `layerwise`; with `network-v1` `one`. */
	readonly agents?: Agents;
	/** What is set beside the learning rate; default 'none', with `network-v1` nothing else. */
	readonly secondControl?: SecondControl | undefined;
}

export const AGENT_KEYS = keysOf<AgentOptions>({
	observation: true,
	action: true,
	multiplier: true,
	agents: true,
	secondControl: true,
});

/** @throws GannoError `INVALID_ARGUMENT` for an observation, actions and agents that do not go together */
export function resolveAgents({
	observation = OBSERVATION_VERSION,
	action,
	multiplier,
	agents,
	secondControl,
}: AgentOptions): {
	readonly kind: AgentKind;
	readonly rule: LearningRateRule;
	readonly agents: Agents;
	/** undefined: none */
	readonly secondControl: SecondControlName | undefined;
} {
	checkOneOf(observation, 'observation', OBSERVATION_VERSIONS);
	const kind: AgentKind = AGENT_KINDS[agentNamed(observation) as AgentName];
	const mode = action ?? (Object.keys(kind.actions)[0] as ActionMode);
	checkOneOf(mode, 'action', Object.keys(kind.actions) as ActionMode[]);
	const second = checkOneOf(secondControl ?? 'none', 'secondControl', kind.secondControls);
	return {
		kind,
		rule: openActionRule(mode, multiplier),
		agents: checkOneOf(agents ?? (kind.agents[0] as Agents), 'agents', kind.agents),
		secondControl: second === 'none' ? undefined : second,
	};
}

/** What shows the agents of a kind an interval. */
export function openObserver(
	{ observation }: AgentKind,
	layers: readonly TrainableLayer[],
	networks: number,
	agents: Agents,
): Observer {
	return observation === OBSERVATION_VERSION
		? new ObservationEncoder(layers, networks, agents)
		: new NetworkObserver(networks, layers.length);
}

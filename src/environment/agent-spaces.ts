import { checkOneOf, keysOf } from '../arguments.js';
import type { TrainableLayer } from '../networks/spec.js';
import { ACTION_COUNT, ACTION_MODES, type LearningRateRule } from './actions/actions.js';
import { LEVEL_COUNT, SECOND_CONTROLS, type SecondControl, type SecondControlName } from './actions/joint-action.js';
import { openActionRule, THREE_WAY_ACTIONS } from './actions/scaling-action.js';
import type { AgentSettings } from './agent-settings.js';
import {
	BOUNDED_OBSERVATIONS,
	OBSERVATION_SIZE,
	OBSERVATION_VERSION,
	ObservationEncoder,
} from './observations/layer-observation.js';
import {
	NETWORK_OBSERVATION_SIZE,
	NETWORK_OBSERVATION_VERSION,
	NetworkObserver,
} from './observations/network-observation.js';
import { GRANULARITIES, type Granularity, type Observer } from './observations/observer.js';

/** Observation and action spaces of the learned controllers. A policy file names the observation and the action rule it needs. */

export const OBSERVATION_VERSIONS = [OBSERVATION_VERSION, NETWORK_OBSERVATION_VERSION] as const;

export type ObservationVersion = (typeof OBSERVATION_VERSIONS)[number];

/** What the agents of one kind of controller observe, and the actions they can take. */
export interface AgentSpaces {
	readonly observation: ObservationVersion;
	readonly observationSize: number;
	/** Features that the normaliser leaves alone. */
	readonly bounded: readonly number[];
	/** Whether the observation holds the progress of the episode; where it does not, the critic gets it. */
	readonly observesProgress: boolean;
	/** Action rule → outputs of an actor that sets learning rates by it, and nothing else. */
	readonly actions: Readonly<Record<string, number>>;
	/** The first is the default. */
	readonly granularities: readonly Granularity[];
	readonly secondControls: readonly SecondControl[];
}

/** `layerwise`: each layer's own statistics, or their mean. `adaptive-lr`: figures of a whole network (Xu et al. 2019). */
export const AGENT_SPACES = {
	layerwise: {
		observation: OBSERVATION_VERSION,
		observationSize: OBSERVATION_SIZE,
		bounded: BOUNDED_OBSERVATIONS,
		observesProgress: true,
		actions: Object.fromEntries(ACTION_MODES.map((mode) => [mode, ACTION_COUNT])),
		granularities: GRANULARITIES,
		secondControls: SECOND_CONTROLS,
	},
	'adaptive-lr': {
		observation: NETWORK_OBSERVATION_VERSION,
		observationSize: NETWORK_OBSERVATION_SIZE,
		bounded: [],
		observesProgress: false,
		actions: { 'three-way': THREE_WAY_ACTIONS, continuous: 2 },
		granularities: ['network'],
		secondControls: ['none'],
	},
} as const satisfies Record<string, AgentSpaces>;

/** A kind of learned controller. */
export type ControllerKind = keyof typeof AGENT_SPACES;

export const CONTROLLER_KINDS = ['layerwise', 'adaptive-lr'] as const satisfies readonly ControllerKind[];

/** The kind of controller that an observation belongs to; undefined: none. */
export function controllerKindOf(observation: string): ControllerKind | undefined {
	return CONTROLLER_KINDS.find((kind) => AGENT_SPACES[kind].observation === observation);
}

/** Outputs of an actor with this action rule and second control; undefined where the spaces do not include them. */
export function actorOutputs(
	spaces: AgentSpaces,
	action: string,
	secondControl: SecondControl = 'none',
): number | undefined {
	const outputs = spaces.actions[action];
	if (outputs === undefined || !spaces.secondControls.includes(secondControl)) return undefined;
	return secondControl === 'none' ? outputs : outputs * LEVEL_COUNT;
}

/**
 * The observation and action spaces of an environment: the settings of a config's section `environment`. With `network-v1` the defaults are
 * `three-way` and `network`, and there is no second control.
 */
export interface AgentSpaceOptions extends AgentSettings {
	/** Default `layer-v1`. `network-v1` is for one agent per network. */
	readonly observation?: ObservationVersion;
}

export const AGENT_SPACE_KEYS = keysOf<AgentSpaceOptions>({
	observation: true,
	action: true,
	multiplier: true,
	granularity: true,
	secondControl: true,
});

/** @throws GannoError `INVALID_ARGUMENT` for an observation, an action rule and a granularity that do not go together */
export function resolveAgentSpaces({
	observation = OBSERVATION_VERSION,
	action,
	multiplier,
	granularity,
	secondControl,
}: AgentSpaceOptions): {
	readonly spaces: AgentSpaces;
	readonly rule: LearningRateRule;
	readonly granularity: Granularity;
	/** undefined: none */
	readonly secondControl: SecondControlName | undefined;
} {
	checkOneOf(observation, 'observation', OBSERVATION_VERSIONS);
	const spaces: AgentSpaces = AGENT_SPACES[controllerKindOf(observation) as ControllerKind];
	const known = Object.keys(spaces.actions) as NonNullable<AgentSettings['action']>[];
	const mode = checkOneOf(action ?? known[0], 'action', known);
	const second = checkOneOf(secondControl ?? 'none', 'secondControl', spaces.secondControls);
	return {
		spaces,
		rule: openActionRule(mode, multiplier),
		granularity: checkOneOf(
			granularity ?? (spaces.granularities[0] as Granularity),
			'granularity',
			spaces.granularities,
		),
		secondControl: second === 'none' ? undefined : second,
	};
}

/** The encoder of an observation. */
export function openObserver(
	{ observation }: AgentSpaces,
	layers: readonly TrainableLayer[],
	networks: number,
	granularity: Granularity,
): Observer {
	return observation === OBSERVATION_VERSION
		? new ObservationEncoder(layers, networks, granularity)
		: new NetworkObserver(networks, layers.length);
}

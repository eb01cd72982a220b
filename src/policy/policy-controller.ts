import { checkInteger, checkObject, checkOneOf, invalidArgument } from '../arguments.js';
import { counted } from '../counted.js';
import type { ActionMode, Actions, LearningRateRule } from '../environment/actions/actions.js';
import { decodeActions, JointActionDecoder } from '../environment/actions/joint-action.js';
import { openActionRule } from '../environment/actions/scaling-action.js';
import {
	AGENT_SPACES,
	type AgentSpaces,
	actorOutputs,
	controllerKindOf,
	OBSERVATION_VERSIONS,
} from '../environment/agent-spaces.js';
import type { ControlledTraining, Controller, Decision, DecisionContext } from '../environment/controller.js';
import { agentCount, type Granularity } from '../environment/observations/observer.js';
import { checkPolicySpec } from './actor.js';
import { actionArray, chooseActions } from './choose-actions.js';
import { createPolicyInference } from './inference.js';
import type { PolicyInference, PolicySnapshot } from './policy.js';

/**
 * A frozen policy that sets learning rates: normalise, forward, the most likely action of every agent (`continuous`: the mean), the policy's
 * action rule.
 * Recurrent state lasts from one `reset` to the next. It may be used for one task after another, whatever their shapes.
 *
 * A policy of `network-v1` scales the learning rates of a network together; it needs an environment with that observation.
 *
 * A policy with a second control sets weight decays too, as {@link Decision} has them.
 */
export class PolicyController implements Controller {
	readonly name: string;
	readonly #inference: PolicyInference;
	readonly #rule: LearningRateRule;
	readonly #decoder: JointActionDecoder | undefined;
	readonly #granularity: Granularity;
	#state = new Float32Array(0);
	#logits = new Float32Array(0);
	#actions: Actions = new Uint8Array(0);
	#learningRates = new Float32Array(0);

	/** @throws GannoError `INVALID_ARGUMENT` for a policy whose observation or action rule this version does not have */
	constructor(policy: PolicySnapshot, name = 'learned') {
		checkObject(policy, 'policy');
		const { observation, observationSize, action, actions, multiplier, granularity, secondControl } = checkPolicySpec(
			policy.spec,
			'policy.spec',
		);
		const kind = controllerKindOf(observation);
		if (kind === undefined || observationSize !== AGENT_SPACES[kind].observationSize) {
			const known = OBSERVATION_VERSIONS.map((version) => `'${version}'`).join(' or ');
			throw invalidArgument(known, 'policy.spec.observation', observation);
		}
		const spaces: AgentSpaces = AGENT_SPACES[kind];
		checkOneOf(action, 'policy.spec.action', Object.keys(spaces.actions));
		checkOneOf(secondControl ?? 'none', 'policy.spec.secondControl', spaces.secondControls);
		const outputs = actorOutputs(spaces, action, secondControl) as number;
		checkInteger(actions, 'policy.spec.actions', outputs, outputs);
		checkOneOf(granularity, 'policy.spec.granularity', spaces.granularities);
		this.name = name;
		this.#inference = createPolicyInference(policy);
		this.#rule = openActionRule(action as ActionMode, multiplier);
		this.#decoder = secondControl === undefined ? undefined : new JointActionDecoder();
		this.#granularity = granularity;
	}

	reset(_task: ControlledTraining): void {
		this.#state.fill(0);
	}

	/** The recurrent state, `[networks × agents × state size]`; empty for a feed-forward policy and before the first decision. */
	state(): Float32Array {
		return this.#state.slice();
	}

	restore(memory: Float32Array): void {
		if (memory.length === 0) {
			this.#state.fill(0);
			return;
		}
		const { spec, stateSize } = this.#inference;
		const rows = memory.length / stateSize;
		if (!Number.isInteger(rows)) {
			throw invalidArgument(`a Float32Array of a multiple of ${counted(stateSize, 'number')}`, 'memory', memory);
		}
		this.#reserve(rows, spec.actions, stateSize);
		this.#state.set(memory);
	}

	decide(context: DecisionContext): Decision {
		const { networks, layers, agents, observations } = context;
		const expected = agentCount(this.#granularity, layers);
		if (agents !== expected) {
			throw invalidArgument(
				`${expected} (the policy was trained with granularity: '${this.#granularity}')`,
				'context.agents',
				agents,
				`Create the environment with granularity: '${this.#granularity}'.`,
			);
		}
		const { spec, stateSize } = this.#inference;
		const rows = networks * agents;
		this.#reserve(rows, spec.actions, stateSize);
		if (this.#learningRates.length !== networks * layers) this.#learningRates = new Float32Array(networks * layers);
		this.#inference.forward(observations, rows, this.#state, this.#logits);
		chooseActions(this.#logits, { networks, agents, actions: spec.actions, greedy: true }, this.#actions);
		this.#learningRates.set(context.learningRates);
		const decoded = decodeActions(this.#decoder, this.#actions, layers, networks * layers);
		this.#rule.apply(decoded.actions, layers, this.#learningRates);
		return { learningRates: this.#learningRates, ...decoded };
	}

	#reserve(rows: number, actions: number, stateSize: number): void {
		if (this.#actions.length === rows) return;
		this.#actions = actionArray(this.#inference.spec, rows);
		this.#logits = new Float32Array(rows * actions);
		this.#state = new Float32Array(rows * stateSize); // zero: another shape is another episode
	}
}

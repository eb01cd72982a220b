import { checkObject, invalidArgument } from '../arguments.js';
import { type Controller, checkController, type Decision } from '../environment/controller.js';
import { OBSERVATION_VERSION } from '../environment/observations/layer-observation.js';
import { GannoError } from '../errors.js';
import type { PolicySnapshot } from '../policy/policy.js';
import { PolicyController } from '../policy/policy-controller.js';
import { loadPolicy } from '../policy/policy-file.js';
import { type DecisionFunction, functionController } from '../schedules/function-controller.js';
import { type ScheduleName, scheduleByName } from '../schedules/registry.js';
import type { DecisionSource } from './controller-options.js';

/** The controllers of a LayerwiseController: a policy, a schedule, a function. */

/** @param policy a path, `default`, or a policy in memory */
export function policySource(policy: string | PolicySnapshot): DecisionSource {
	if (typeof policy !== 'string') {
		checkObject(policy, 'policy');
		return frozenPolicySource(policy);
	}
	return frozenPolicySource(loadPolicy(policy));
}

function frozenPolicySource(policy: PolicySnapshot): DecisionSource {
	const controller = new PolicyController(policy);
	const { observation, granularity, secondControl } = policy.spec;
	if (observation !== OBSERVATION_VERSION) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			`The policy observes '${observation}', which needs the predictions on a validation split: a controller has statistics and losses only. Give a policy for '${OBSERVATION_VERSION}', or use PolicyController with a TrainingEnvironment`,
		);
	}
	if (secondControl !== undefined) throw learningRatesOnly(`The policy sets ${secondControl}`);
	return { controller, granularity };
}

/** A LayerwiseController cannot set momenta and weight decays of its optimizer. */
export function checkDecision(decision: Decision): Decision {
	if (decision.weightDecays !== undefined) throw learningRatesOnly('The controller sets weight decays');
	if (decision.momenta !== undefined) throw learningRatesOnly('The controller sets momenta');
	return decision;
}

function learningRatesOnly(problem: string): GannoError {
	return new GannoError(
		'INVALID_ARGUMENT',
		`${problem} beside learning rates, and a LayerwiseController sets learning rates only. Train the policy with secondControl 'none', or use PolicyController with a TrainingEnvironment`,
	);
}

export function scheduleSource(schedule: ScheduleName | Controller): DecisionSource {
	if (typeof schedule === 'string') return { controller: scheduleByName(schedule), granularity: 'layer' };
	const controller = checkController(schedule, 'schedule', 'the name of a schedule or a Controller');
	return { controller, granularity: 'layer' };
}

export function functionSource(decide: DecisionFunction): DecisionSource {
	if (typeof decide !== 'function') throw invalidArgument('a function', 'decide', decide);
	return { controller: functionController(decide), granularity: 'layer' };
}

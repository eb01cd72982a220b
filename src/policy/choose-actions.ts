import { types } from 'node:util';
import type { Actions } from '../environment/actions/actions.js';
import { sampleContinuousActions } from './gaussian.js';
import type { PolicySpec } from './policy.js';
import { type SamplingOptions, sampleActions } from './sampling.js';

/** Whether a policy's actions are real numbers; else they are categories. */
export function isContinuous({ action }: Pick<PolicySpec, 'action'>): boolean {
	return action === 'continuous';
}

/** Actions of a policy's kind, all 0. */
export function actionArray(spec: Pick<PolicySpec, 'action'>, length: number): Actions {
	return isContinuous(spec) ? new Float32Array(length) : new Uint8Array(length);
}

/** Draws actions of either kind, that of `actionsOut`. @param outputs of the actor, `[networks × agents × spec.actions]` */
export function chooseActions(
	outputs: Float32Array,
	options: SamplingOptions,
	actionsOut: Actions,
	logProbabilitiesOut?: Float32Array,
): void {
	if (types.isFloat32Array(actionsOut)) {
		sampleContinuousActions(outputs, options, actionsOut, logProbabilitiesOut);
	} else sampleActions(outputs, options, actionsOut, logProbabilitiesOut);
}

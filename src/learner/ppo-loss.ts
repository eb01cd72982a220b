import type { Actions } from '../environment/actions/actions.js';
import { deterministicExp } from '../policy/transcendental.js';
import type { MiniBatch } from './batch.js';
import { openPolicyHead } from './policy-head.js';
import type { PpoSettings } from './ppo-settings.js';

/** The targets of the loss, all `[rows of the batch]`. */
export interface PpoTargets {
	/** Categories, or the real numbers of a continuous policy. */
	readonly actions: Actions;
	/** Of the actions taken, under the policy that took them. */
	readonly logProbabilities: Float32Array;
	readonly advantages: Float32Array;
	readonly returns: Float32Array;
	/** The critic's values before this update. */
	readonly values: Float32Array;
}

export type PpoLossSettings = Pick<PpoSettings, 'clip' | 'entropyCoefficient' | 'valueCoefficient' | 'valueClip'>;

/** Means over the rows that count, and the gradient of `loss` with respect to the networks' outputs. */
export interface PpoLoss {
	readonly loss: number;
	readonly policyLoss: number;
	readonly valueLoss: number;
	readonly entropy: number;
	readonly approximateKl: number;
	readonly clipFraction: number;
	/** `[rows × outputs]`, of the actor's outputs */
	readonly logitGradients: Float32Array;
	/** `[rows × 1]` */
	readonly valueGradients: Float32Array;
}

/**
 * PPO's clipped surrogate (Schulman et al. 2017, eq. 7 and 9), with its gradient written out, in float64:
 * loss = −mean min(ρA, clip(ρ, 1 ± ε) A) + c_v · mean (V − R)² − c_e · mean entropy.
 * The ratio ρ is one per (time, agent), never multiplied over the agents of a network (independent PPO, de Witt et al. 2020).
 * Padding and inactive rows (`miniBatch.rows[i] < 0`) count in no mean and get no gradient.
 * @param logits `[rows × outputs]`: of the actor; their meaning is the head's
 * @param values `[rows]`
 */
export function ppoLoss(
	logits: Float32Array,
	values: Float32Array,
	miniBatch: MiniBatch,
	targets: PpoTargets,
	settings: PpoLossSettings,
): PpoLoss {
	const { clip, entropyCoefficient, valueCoefficient, valueClip } = settings;
	const count = miniBatch.rows.length;
	const actions = logits.length / count;
	const logitGradients = new Float32Array(logits.length);
	const valueGradients = new Float32Array(count);
	const head = openPolicyHead(targets.actions, actions);
	let policySum = 0;
	let valueSum = 0;
	let entropySum = 0;
	let klSum = 0;
	let clipped = 0;
	let counted = 0;
	for (const row of miniBatch.rows) if (row >= 0) counted++;
	const weight = counted > 0 ? 1 / counted : 0;

	for (let i = 0; i < count; i++) {
		const row = miniBatch.rows[i] as number;
		if (row < 0) continue;
		const offset = i * actions;
		head.read(logits, offset, row);
		const advantage = targets.advantages[row] as number;
		const logRatio = head.logProbability - (targets.logProbabilities[row] as number);
		const ratio = deterministicExp(logRatio);

		// Clipped surrogate: where the clipped branch is the smaller one, its gradient is zero.
		const surrogate = ratio * advantage;
		const clippedSurrogate = Math.min(Math.max(ratio, 1 - clip), 1 + clip) * advantage;
		policySum -= Math.min(surrogate, clippedSurrogate);
		const dLogProbability = surrogate <= clippedSurrogate ? -surrogate : 0; // d(ρA)/d(ln π) = ρA
		head.write(logitGradients, offset, weight, dLogProbability, entropyCoefficient);

		// Value loss; clipped, the larger of both errors counts ("37 Implementation Details", detail 9).
		const value = values[i] as number;
		const error = value - (targets.returns[row] as number);
		let valueLoss = error * error;
		let dValue = 2 * error;
		if (valueClip > 0) {
			const old = targets.values[row] as number;
			const change = Math.min(Math.max(value - old, -valueClip), valueClip);
			const clippedError = old + change - (targets.returns[row] as number);
			if (clippedError * clippedError > valueLoss) {
				valueLoss = clippedError * clippedError;
				dValue = change === value - old ? 2 * clippedError : 0;
			}
		}
		valueSum += valueLoss;
		valueGradients[i] = weight * valueCoefficient * dValue;

		entropySum += head.entropy;
		klSum += ratio - 1 - logRatio; // Schulman's low-variance estimator of the KL divergence ("k3")
		if (Math.abs(ratio - 1) > clip) clipped++;
	}

	const policyLoss = policySum * weight;
	const valueLoss = valueSum * weight;
	const entropy = entropySum * weight;
	return {
		loss: policyLoss + valueCoefficient * valueLoss - entropyCoefficient * entropy,
		policyLoss,
		valueLoss,
		entropy,
		approximateKl: klSum * weight,
		clipFraction: clipped * weight,
		logitGradients,
		valueGradients,
	};
}

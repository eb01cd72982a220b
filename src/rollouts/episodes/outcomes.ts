import type { EnvironmentInfos } from '../../environment/step-result.js';

/** Figures per network in the outcomes of a rollout or an episode. */
export const OUTCOME_SIZE = 5;

/** Filling `[networks × OUTCOME_SIZE]`: initial validation loss, final validation loss and accuracy, test loss and accuracy. */

export function writeInitialOutcomes(outcomes: Float32Array, infos: Pick<EnvironmentInfos, 'validationLoss'>): void {
	for (let n = 0; n < infos.validationLoss.length; n++) outcomes[n * OUTCOME_SIZE] = infos.validationLoss[n] as number;
}

/** The test figures are NaN until {@link writeTestOutcomes}. */
export function writeFinalOutcomes(
	outcomes: Float32Array,
	infos: Pick<EnvironmentInfos, 'validationLoss' | 'validationAccuracy'>,
): void {
	for (let n = 0; n < infos.validationLoss.length; n++) {
		const at = n * OUTCOME_SIZE;
		outcomes[at + 1] = infos.validationLoss[n] as number;
		outcomes[at + 2] = infos.validationAccuracy[n] as number;
		outcomes[at + 3] = Number.NaN;
		outcomes[at + 4] = Number.NaN;
	}
}

/** @param results `[networks × 2]`: loss, accuracy */
export function writeTestOutcomes(outcomes: Float32Array, results: Float32Array): void {
	for (let n = 0; n * 2 < results.length; n++) {
		outcomes[n * OUTCOME_SIZE + 3] = results[n * 2] as number;
		outcomes[n * OUTCOME_SIZE + 4] = results[n * 2 + 1] as number;
	}
}

/** What became of one network; the test figures are NaN where it was not tested. */
export interface NetworkOutcome {
	readonly initialLoss: number;
	readonly validationLoss: number;
	readonly validationAccuracy: number;
	readonly testLoss: number;
	readonly testAccuracy: number;
}

export function networkOutcome(outcomes: Float32Array, network: number): NetworkOutcome {
	const [initialLoss, validationLoss, validationAccuracy, testLoss, testAccuracy] = outcomes.subarray(
		network * OUTCOME_SIZE,
	) as unknown as [number, number, number, number, number];
	return { initialLoss, validationLoss, validationAccuracy, testLoss, testAccuracy };
}

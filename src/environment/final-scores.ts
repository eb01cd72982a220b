import { DIVERGED_LOSS } from '../networks/population.js';
import { DIVERGENCE_FACTOR } from './rewards/divergence.js';
import { LOSS_FLOOR } from './rewards/reward.js';

/** What the outcome of a network counts for in a comparison: one that is lost must neither be worse than guessing nor outweigh all others. */

/** Its accuracy; 1 / classes, as by guessing, where it is lost. */
export function accuracyOrChance(accuracy: number, lost: boolean, classes: number): number {
	return lost ? 1 / classes : accuracy;
}

/** The accuracy that a population measured beside a loss. Where parameters are no longer finite it reads 0: such a network guesses. */
export function measuredAccuracy(loss: number, accuracy: number, classes: number): number {
	return accuracyOrChance(accuracy, !(loss < DIVERGED_LOSS && Number.isFinite(accuracy)), classes);
}

/** ln of the final validation loss, at most ln 4 V₀; a network that diverged counts as that. */
export function finalLogLoss(initialLoss: number, finalLoss: number, diverged: boolean): number {
	const worst = Math.log(DIVERGENCE_FACTOR * initialLoss);
	return diverged ? worst : Math.min(Math.log(Math.max(finalLoss, LOSS_FLOOR)), worst);
}

import type { RewardName } from '../environment/rewards/reward.js';
import type { Trajectory } from '../learner/trajectory.js';
import type { UpdateMetrics } from '../learner/update-metrics.js';
import { meanAndError } from '../means.js';
import { networkOutcome } from '../rollouts/episodes/outcomes.js';

/** What an iteration logs: one line of `metrics.jsonl`, one point of every curve. */
export interface IterationMetrics extends Omit<UpdateMetrics, 'milliseconds'> {
	readonly [key: string]: number;
	readonly iteration: number;
	/** Mean over the networks of the iteration, and its standard error. */
	readonly return: number;
	readonly returnStandardError: number;
	/** Means over the networks that did not diverge; NaN becomes null in JSON where all did. */
	readonly finalValidationLoss: number;
	readonly finalValidationAccuracy: number;
	readonly divergedShare: number;
	/** Optimiser steps of all networks of the iteration, those of baseline runs included. */
	readonly networkSteps: number;
	/** Wall seconds of the iteration. */
	readonly seconds: number;
	readonly networkStepsPerSecond: number;
	/** Part of the wall time spent in the learner's update. */
	readonly learnerShare: number;
	/** Part of the rollouts' own time spent inside native calls. */
	readonly nativeShare: number;
}

/** What two runs of the same bits may say differently. */
export const CLOCK_METRICS: readonly string[] = ['seconds', 'networkStepsPerSecond', 'learnerShare', 'nativeShare'];

/** Sums of rewards, network by network; all agents of a network are paid the same. */
export function trajectoryReturns(trajectory: Trajectory): Float64Array {
	const { decisions, networks, agents, rewards } = trajectory;
	const returns = new Float64Array(networks);
	for (let t = 0; t < decisions; t++) {
		for (let n = 0; n < networks; n++) {
			returns[n] = (returns[n] as number) + (rewards[(t * networks + n) * agents] as number);
		}
	}
	return returns;
}

/** Trainings that one network's rewards take. */
function runsPerNetwork(reward: RewardName): number {
	return reward === 'baseline' ? 2 : 1;
}

export function iterationMetrics(
	iteration: number,
	trajectories: readonly Trajectory[],
	update: UpdateMetrics,
	milliseconds: { readonly rollout: number; readonly learner: number },
	reward: RewardName,
): IterationMetrics {
	const { milliseconds: _, ...learned } = update;
	const returns = trajectories.flatMap((trajectory) => [...trajectoryReturns(trajectory)]);
	const { mean, standardError } = meanAndError(returns);
	const losses: number[] = [];
	const accuracies: number[] = [];
	let diverged = 0;
	let networkSteps = 0;
	let total = 0;
	let native = 0;
	for (const trajectory of trajectories) {
		networkSteps += trajectory.task.horizon * trajectory.networks * runsPerNetwork(reward);
		total += trajectory.milliseconds.total;
		native += trajectory.milliseconds.native;
		for (let n = 0; n < trajectory.networks; n++) {
			if (trajectory.diverged[n] === 1) {
				diverged++;
				continue;
			}
			const { validationLoss, validationAccuracy } = networkOutcome(trajectory.outcomes, n);
			losses.push(validationLoss);
			accuracies.push(validationAccuracy);
		}
	}
	const seconds = (milliseconds.rollout + milliseconds.learner) / 1000;
	return {
		iteration,
		return: mean,
		returnStandardError: standardError,
		finalValidationLoss: meanAndError(losses).mean,
		finalValidationAccuracy: meanAndError(accuracies).mean,
		divergedShare: diverged / returns.length,
		...learned,
		networkSteps,
		seconds,
		networkStepsPerSecond: networkSteps / seconds,
		learnerShare: milliseconds.learner / 1000 / seconds,
		nativeShare: native / total,
	};
}

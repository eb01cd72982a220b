import { createHash } from 'node:crypto';
import { accuracyOrChance, measuredAccuracy } from '../../environment/final-scores.js';
import type { MethodSpec } from '../../rollouts/controller-spec.js';
import { networkOutcome } from '../../rollouts/episodes/outcomes.js';
import type { Episode, EpisodeResult } from '../../rollouts/executor.js';
import type { TrainingTask } from '../../tasks/task.js';

/** What one network under one contender came to. Accuracies are shares. */
export interface NetworkResult {
	readonly seed: number;
	readonly finalTest: number;
	/** Highest at the suite's test points. */
	readonly bestTest: number;
	/** Validation accuracy before the first step and after every decision. */
	readonly validation: readonly number[];
	readonly diverged: boolean;
}

/** One episode: some networks under one trainer. Plain JSON: it goes into the journal. */
export interface CellResult {
	readonly networks: readonly NetworkResult[];
	/** Of the first network: `[decisions][layers]`. */
	readonly learningRates: readonly (readonly number[])[];
}

/** An episode and the name its result is filed under: equal names give equal bits. */
export interface Cell {
	readonly key: string;
	readonly datasetKey: string;
	/** How often the test split is looked at. */
	readonly testPoints: number;
	readonly episode: Episode;
}

/**
 * @param datasetDigest of the images
 * @param trainerName of the trainer: a policy's digest, or a method's name
 */
export function openCell(
	datasetKey: string,
	datasetDigest: string,
	task: TrainingTask,
	trainer: MethodSpec,
	trainerName: string,
	testPoints: number,
): Cell {
	const { index: _, ...rest } = task;
	const identity = JSON.stringify([datasetDigest, rest, trainerName, testPoints]);
	const key = createHash('sha256').update(identity).digest('hex').slice(0, 32);
	return { key, datasetKey, testPoints, episode: { task, method: trainer } };
}

const round = (value: number, digits: number): number => Number(value.toPrecision(digits));

/** What is kept of an episode. */
export function readCell(result: EpisodeResult, classes: number): CellResult {
	const { task } = result.episode;
	const { history, outcomes, diverged } = result;
	const count = task.networks.length;
	const points = history.validationAccuracy.length / count;
	const decisions = points - 1;
	const layers = decisions === 0 ? 0 : history.learningRates.length / count / decisions;
	const networks = task.networks.map(({ seed }, n): NetworkResult => {
		const { testLoss, testAccuracy } = networkOutcome(outcomes, n);
		const finalTest = measuredAccuracy(testLoss, round(testAccuracy, 6), classes);
		const best = history.bestTestAccuracy[n]!;
		return {
			seed,
			finalTest,
			bestTest: Math.max(finalTest, accuracyOrChance(round(best, 6), !Number.isFinite(best), classes)),
			validation: Array.from({ length: points }, (_, i) => {
				const at = n * points + i;
				return measuredAccuracy(history.validationLoss[at]!, round(history.validationAccuracy[at]!, 6), classes);
			}),
			diverged: diverged[n] === 1,
		};
	});
	const learningRates = Array.from({ length: decisions }, (_, d) =>
		Array.from({ length: layers }, (__, l) => round(history.learningRates[d * layers + l]!, 3)),
	);
	return { networks, learningRates };
}

/** The mean of the validation accuracy over the steps of a run, by the trapezoidal rule. */
export function validationArea(curve: readonly number[]): number {
	if (curve.length < 2) return curve[0] ?? Number.NaN;
	let sum = ((curve[0] as number) + (curve.at(-1) as number)) / 2;
	for (let i = 1; i < curve.length - 1; i++) sum += curve[i] as number;
	return sum / (curve.length - 1);
}

/** Optimiser steps until the validation accuracy first reached the target; undefined: never. */
export function stepsToTarget(curve: readonly number[], interval: number, target: number): number | undefined {
	const point = curve.findIndex((accuracy) => accuracy >= target);
	return point < 0 ? undefined : point * interval;
}

import { meanAndError } from '../means.js';
import { bestOfGrid } from '../schedules/learning-rate-grid.js';
import type { CellResult } from './evaluation-cells.js';
import type { EvaluationCell, EvaluationRow, TuningRecord } from './evaluation-result.js';

/** The figures of the evaluation table, computed from what its cells measured. */

/** How the best of a grid of initial learning rates was found, by validation accuracy. @param cells one per learning rate */
export function tuningRecord(learningRates: readonly number[], cells: readonly CellResult[]): TuningRecord {
	const grid = cells.map(({ validationAccuracy, diverged }, i) => ({
		learningRate: learningRates[i] as number,
		validationAccuracy: meanAndError(validationAccuracy).mean,
		diverged,
	}));
	const { best } = bestOfGrid(grid, ({ validationAccuracy }) => validationAccuracy);
	const seeds = cells[0]?.validationAccuracy.length ?? 0;
	return { learningRate: best.learningRate, grid, seeds, childRuns: learningRates.length * seeds };
}

/** A row of the table: the figures of each cell, and their means. @param results one per learning rate */
export function evaluationRow(
	contender: string,
	kind: EvaluationRow['kind'],
	learningRates: readonly number[],
	results: readonly CellResult[],
): EvaluationRow {
	const cells = results.map(
		({ testAccuracy, diverged }, i): EvaluationCell => ({
			learningRate: learningRates[i] as number,
			...meanAndError(testAccuracy),
			diverged,
			accuracies: testAccuracy,
		}),
	);
	const seeds = results[0]?.testAccuracy.length ?? 0;
	const seedMeans = Array.from(
		{ length: seeds },
		(_, s) => meanAndError(results.map(({ testAccuracy }) => testAccuracy[s] as number)).mean,
	);
	return { contender, kind, cells, ...meanAndError(seedMeans) };
}

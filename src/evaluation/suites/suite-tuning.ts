import { accuracyOrChance } from '../../environment/final-scores.js';
import { mean } from '../../means.js';
import { bestOfGrid } from '../../schedules/learning-rate-grid.js';
import type { SuiteTask } from './definitions/suite-spec.js';
import type { CellResult } from './suite-cells.js';
import { METHODS, type Method } from './suite-contenders.js';

/** One tried learning rate. */
export interface TuningPoint {
	readonly learningRate: number;
	/** Mean final validation accuracy over tasks and tuning seeds; a network that diverged counts as guessing. */
	readonly validationAccuracy: number;
}

export interface TuningChoice {
	readonly method: string;
	readonly learningRate: number;
	readonly validationAccuracy: number;
	/** The best is the lowest or highest of the grid. */
	readonly atEdge: boolean;
	readonly grid: readonly TuningPoint[];
}

/** What tuning chose, and what it cost. */
export interface SuiteTuning {
	readonly learningRates: readonly number[];
	/** Child networks trained for it, all methods and families together. */
	readonly childRuns: number;
	/** By family, the methods in the order of the tables. */
	readonly families: readonly { readonly family: string; readonly choices: readonly TuningChoice[] }[];
	/** One learning rate for all families, each of which counts the same. */
	readonly global: readonly TuningChoice[];
}

/** Final validation accuracy of a tuning cell. */
export function tuningScore({ networks }: CellResult, classes: number): number {
	return mean(
		networks.map(({ validation, diverged }) => accuracyOrChance(validation.at(-1) as number, diverged, classes)),
	);
}

/**
 * Chooses learning rates.
 * @param methods in the order of the tables
 * @param score of a task, a method and a learning rate; undefined where that was not run
 */
export function chooseLearningRates(
	tasks: readonly SuiteTask[],
	learningRates: readonly number[],
	score: (task: SuiteTask, method: string, learningRate: number) => number | undefined,
	childRuns: number,
	methods: readonly Method[] = METHODS,
): SuiteTuning {
	const names = [...new Set(tasks.map(({ family }) => family))];
	const ascending = learningRates.toSorted((a, b) => a - b);
	const grids = new Map(
		names.map((family) => {
			const own = tasks.filter((task) => task.family === family);
			return [
				family,
				new Map(
					methods.map(({ name }) => [
						name,
						ascending.flatMap((learningRate) => {
							const scores = own.flatMap((task) => score(task, name, learningRate) ?? []);
							return scores.length === 0 ? [] : [{ learningRate, validationAccuracy: mean(scores) }];
						}),
					]),
				),
			] as const;
		}),
	);
	const families = names.map((family) => ({
		family,
		choices: methods.flatMap(({ name }) => choose(name, grids.get(family)?.get(name) ?? [])),
	}));
	const global = methods.flatMap(({ name }) =>
		choose(
			name,
			ascending.flatMap((learningRate) => {
				const scores = names.flatMap(
					(family) =>
						grids
							.get(family)
							?.get(name)
							?.find((point) => point.learningRate === learningRate)?.validationAccuracy ?? [],
				);
				return scores.length === 0 ? [] : [{ learningRate, validationAccuracy: mean(scores) }];
			}),
		),
	);
	return { learningRates: ascending, childRuns, families, global };
}

/** The best of a grid, on equal scores the lower learning rate; none where nothing was run. */
function choose(method: string, grid: readonly TuningPoint[]): TuningChoice[] {
	if (grid.length === 0) return [];
	const { best, edge } = bestOfGrid(grid, ({ validationAccuracy }) => validationAccuracy);
	return [{ method, ...best, atEdge: edge !== undefined, grid }];
}

/** The method that tuning found best: its learning rate and its validation accuracy, not the figures reported later. */
export function bestChoice(choices: readonly TuningChoice[]): TuningChoice | undefined {
	return choices.length === 0 ? undefined : bestOfGrid(choices, ({ validationAccuracy }) => validationAccuracy).best;
}

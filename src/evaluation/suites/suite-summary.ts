import { mean } from '../../means.js';
import { bootstrap, DIVERGED, FINAL_TEST, type Interval, type Measure, RunTable } from './comparison.js';
import { type ContenderKind, HAND_MADE, METHODS, TUNED, TUNED_GLOBALLY } from './suite-contenders.js';
import type { RunRecord, SuiteResults } from './suite-results.js';
import { bestChoice, type TuningChoice } from './suite-tuning.js';

/**
 * Rivals made of others' runs, chosen by what tuning, not reporting, found: in each family the best schedule there, and the best method,
 * hypergradient and schedule-free among them; and the best schedule of all tuned globally.
 */
export const BEST_TUNED = 'best schedule per family, tuned';
export const BEST_METHOD = 'best method per family, tuned';
export const BEST_TUNED_GLOBALLY = 'best schedule, tuned once';

/** A contender over the whole suite. */
export interface ContenderSummary {
	readonly name: string;
	readonly kind: ContenderKind | 'best';
	readonly finalTest: Interval;
	readonly bestTest: number;
	readonly validationArea: number;
	/** Share of the runs that reached the target; mean steps of all, as a share of the horizon, 1 where it was never reached. */
	readonly reached: number;
	readonly stepsToTarget: number;
	readonly divergedShare: number;
	/** Mean over the tasks of the rank by final test accuracy, 1 the best; ties share theirs. */
	readonly rank: number;
	/** Mean final test accuracy by family. */
	readonly families: Readonly<Record<string, number>>;
}

/** The results with the composed rivals entered as contenders. */
export function withBestRivals(results: SuiteResults): RunTable {
	const { suite, tuning } = results;
	const familyOf = new Map(suite.tasks.map(({ id, family }) => [id, family]));
	const schedules = (choices: readonly TuningChoice[]) => choices.filter(({ method }) => HAND_MADE.includes(method));
	// The user's own are held against these, not among them.
	const known = (choices: readonly TuningChoice[]) =>
		choices.filter(({ method }) => METHODS.some(({ name }) => name === method));
	const perFamily = new Map(
		tuning.families.map(({ family, choices }) => [
			family,
			{ schedule: bestChoice(schedules(choices))?.method, method: bestChoice(known(choices))?.method },
		]),
	);
	const global = bestChoice(schedules(tuning.global))?.method;
	const composed = results.runs.flatMap((run): RunRecord[] => {
		const { schedule, method } = perFamily.get(familyOf.get(run.task) as string) ?? {};
		return [
			...(schedule !== undefined && run.contender === TUNED(schedule) ? [{ ...run, contender: BEST_TUNED }] : []),
			...(method !== undefined && run.contender === TUNED(method) ? [{ ...run, contender: BEST_METHOD }] : []),
			...(global !== undefined && run.contender === TUNED_GLOBALLY(global)
				? [{ ...run, contender: BEST_TUNED_GLOBALLY }]
				: []),
		];
	});
	return new RunTable({ ...results, runs: [...results.runs, ...composed] });
}

/** Every contender's figures, in the order of the tables, the composed rivals last. */
export function summarize(table: RunTable): readonly ContenderSummary[] {
	const { suite, contenders } = table.results;
	const ranks = meanRanks(table);
	const horizons = new Map(suite.tasks.map(({ id, horizon }) => [id, horizon]));
	const steps: Measure = ({ task, stepsToTarget }) =>
		stepsToTarget === null ? 1 : stepsToTarget / (horizons.get(task) as number);
	const families = [...new Set(suite.tasks.map(({ family }) => family))];
	const everyone: { name: string; kind: ContenderSummary['kind'] }[] = [
		...contenders,
		{ name: BEST_TUNED, kind: 'best' },
		{ name: BEST_METHOD, kind: 'best' },
		{ name: BEST_TUNED_GLOBALLY, kind: 'best' },
	];
	return everyone.map(({ name, kind }) => ({
		name,
		kind,
		finalTest: bootstrap([...table.clusters(name).values()], suite.resamples, suite.seed),
		bestTest: table.mean(name, {}, ({ bestTest }) => bestTest),
		validationArea: table.mean(name, {}, ({ validationArea }) => validationArea),
		reached: table.mean(name, {}, ({ stepsToTarget }) => (stepsToTarget === null ? 0 : 1)),
		stepsToTarget: table.mean(name, {}, steps),
		divergedShare: table.mean(name, {}, DIVERGED),
		rank: ranks.get(name) ?? Number.NaN,
		families: Object.fromEntries(
			families.flatMap((family) => {
				const tasks = familyTasks(table.results, family);
				const value = table.mean(name, { tasks }, FINAL_TEST);
				return Number.isNaN(value) ? [] : [[family, value]];
			}),
		),
	}));
}

/** The tasks of a family that were run. */
export function familyTasks({ suite }: SuiteResults, family: string): ReadonlySet<string> {
	return new Set(suite.tasks.filter((task) => task.family === family).map(({ id }) => id));
}

/** Of the contenders proper: the composed ones are among them already. */
function meanRanks(table: RunTable): ReadonlyMap<string, number> {
	const { suite, contenders } = table.results;
	const ranks = new Map<string, number[]>();
	for (const { id } of suite.tasks) {
		const tasks = new Set([id]);
		const scores = contenders.flatMap(({ name }) => {
			const value = table.mean(name, { tasks });
			return Number.isNaN(value) ? [] : [{ name, value }];
		});
		for (const { name, value } of scores) {
			const above = scores.filter((other) => other.value > value).length;
			const equal = scores.filter((other) => other.value === value).length;
			ranks.set(name, [...(ranks.get(name) ?? []), above + (equal + 1) / 2]);
		}
	}
	return new Map([...ranks].map(([name, values]) => [name, mean(values)]));
}

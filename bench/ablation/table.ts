import type { ConfidenceInterval } from 'ganno';
import { pairedDifference } from '#ganno/paired-difference.js';
import type { AblationResults, AblationRun } from './results.js';

/** What is compared: a figure per held-out task. */
export const MEASURES = {
	testAccuracy: { name: 'test accuracy, %', scale: 100, of: (run: AblationRun) => run.testAccuracy },
	returns: { name: 'return', scale: 1, of: (run: AblationRun) => run.returns },
	diverged: { name: 'diverged, %', scale: 100, of: (run: AblationRun) => run.diverged },
} as const;

export type Measure = keyof typeof MEASURES;

export interface Comparison {
	readonly switch: string;
	readonly seeds: readonly number[];
	/** Over seeds and tasks. */
	readonly mean: number;
	/** To the reference of the same seeds, on the same tasks; undefined for the reference itself. */
	readonly difference:
		| {
				/** Over the learner's seeds (Student's t): what another training would show. */
				readonly overSeeds: ConfidenceInterval;
				/** Over the tasks, each the mean over the seeds: what other tasks would show for these policies. */
				readonly overTasks: ConfidenceInterval;
		  }
		| undefined;
	readonly networkSteps: number;
	readonly trainingSeconds: number;
}

const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Task by task, the mean over the runs. */
function taskMeans(runs: readonly (readonly number[])[]): number[] {
	return (runs[0] ?? []).map((_, task) => average(runs.map((run) => run[task] as number)));
}

/** Every switch against the reference, in the order of the runs; only seeds that both have are compared. */
export function compare({ runs }: AblationResults, measure: Measure, order: readonly string[]): Comparison[] {
	const { of, scale } = MEASURES[measure];
	const runsOf = (name: string) => runs.filter((run) => run.switch === name).toSorted((a, b) => a.seed - b.seed);
	const reference = new Map(runsOf('reference').map((run) => [run.seed, of(run)]));
	return order.flatMap((name) => {
		const own = runsOf(name);
		if (own.length === 0) return [];
		const scaled = (values: readonly number[]) => values.map((value) => value * scale);
		const paired = own.filter(({ seed }) => reference.has(seed));
		const mine = paired.map((run) => scaled(of(run)));
		const theirs = paired.map(({ seed }) => scaled(reference.get(seed) as readonly number[]));
		const difference =
			name === 'reference' || paired.length === 0
				? undefined
				: {
						overSeeds: pairedDifference(mine.map(average), theirs.map(average)),
						overTasks: pairedDifference(taskMeans(mine), taskMeans(theirs)),
					};
		return {
			switch: name,
			seeds: own.map(({ seed }) => seed),
			mean: average(own.map((run) => average(scaled(of(run))))),
			difference,
			networkSteps: average(own.map(({ networkSteps }) => networkSteps)),
			trainingSeconds: average(own.map(({ trainingSeconds }) => trainingSeconds)),
		};
	});
}

const signed = (value: number): string => `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(2)}`;

function interval(difference: ConfidenceInterval | undefined): string {
	if (difference === undefined) return '–';
	if (!Number.isFinite(difference.low)) return `${signed(difference.mean)} (one seed)`;
	return `${signed(difference.mean)} [${signed(difference.low)}, ${signed(difference.high)}]`;
}

/** A table for each measure, in Markdown. */
export function markdownTables(results: AblationResults, order: readonly string[]): string {
	const lines: string[] = [];
	for (const [measure, { name }] of Object.entries(MEASURES) as [Measure, (typeof MEASURES)[Measure]][]) {
		const rows = compare(results, measure, order);
		const seeds = [...new Set(rows.flatMap((row) => row.seeds))].toSorted((a, b) => a - b);
		lines.push(
			`**${name}**, mean over ${results.tasks} held-out tasks and seeds ${seeds.join(', ')}; differences to the reference with 95 % intervals:`,
			'',
			'| switch | mean | difference, over seeds | difference, over tasks | child steps, 10⁶ | training, s |',
			'| --- | --- | --- | --- | --- | --- |',
			...rows.map((row) => {
				const steps = (row.networkSteps / 1e6).toFixed(2);
				const { overSeeds, overTasks } = row.difference ?? {};
				return `| ${row.switch} | ${row.mean.toFixed(2)} | ${interval(overSeeds)} | ${interval(overTasks)} | ${steps} | ${row.trainingSeconds.toFixed(0)} |`;
			}),
			'',
		);
	}
	return lines.join('\n');
}

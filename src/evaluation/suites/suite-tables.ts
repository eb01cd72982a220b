import { counted } from '../../counted.js';
import type { ReportTable } from '../../report/text-table.js';
import type { RunTable } from './comparison.js';
import { PRODIGY, RULE_OF_THUMB_COSINE, TUNED } from './suite-contenders.js';
import { BEST_METHOD, BEST_TUNED, BEST_TUNED_GLOBALLY, type ContenderSummary, summarize } from './suite-summary.js';
import { FIVE_DECADES, targetRows } from './suite-targets.js';

/** The tables of a suite's results, as cells of text: for the terminal, for Markdown and for the HTML report. */

const percent = (share: number, digits = 1): string => (Number.isNaN(share) ? '–' : (100 * share).toFixed(digits));

/** What a suite says of itself that is too small to judge by. */
export const TRIAL_NOTE = 'A trial: too few networks to conclude anything from, so no target is checked.';

/** All tables of a results file. The first learned policy is the one that targets are about; the first with one action is held against it. */
export function suiteTables(table: RunTable): readonly ReportTable[] {
	const summaries = summarize(table);
	return [
		overview(table, summaries),
		decades(table),
		families(table, summaries),
		byTask(table),
		...targets(table),
		tuning(table),
	];
}

function overview({ results }: RunTable, summaries: readonly ContenderSummary[]): ReportTable {
	const { suite, seeds, skipped } = results;
	const absent = new Set(skipped.flatMap(({ task, contender }) => (contender === null ? [task] : [])));
	return {
		caption: `Suite '${suite.name}', ${seeds} seeds: ${counted(suite.tasks.length - absent.size, 'task')} × ${counted(suite.seeds, 'seed')}, accuracies in %`,
		header: [
			'contender',
			'final test',
			'95 % interval',
			'best test',
			'validation area',
			'reached',
			'steps',
			'diverged',
			'rank',
		],
		rows: summaries
			.filter(({ finalTest }) => finalTest.count > 0)
			.toSorted((a, b) => b.finalTest.mean - a.finalTest.mean)
			.map((summary) => [
				summary.name,
				percent(summary.finalTest.mean, 2),
				`${percent(summary.finalTest.low)} – ${percent(summary.finalTest.high)}`,
				percent(summary.bestTest, 2),
				percent(summary.validationArea, 2),
				percent(summary.reached),
				percent(summary.stepsToTarget),
				percent(summary.divergedShare),
				Number.isNaN(summary.rank) ? '–' : summary.rank.toFixed(1),
			]),
		note: [
			...(suite.trial === true ? [TRIAL_NOTE] : []),
			'Means over tasks and seeds, all initial learning rates of a task together; contenders that choose their own meet each task once.',
			"reached: runs whose validation accuracy came to 95 % of the tuned cosine's last; steps: until then, in % of the horizon, 100 where never; rank: among the contenders by final test accuracy, mean over tasks.",
			...skipped.map(
				({ task, contender, reason }) => `Left out: ${task}${contender === null ? '' : `, ${contender}`} (${reason}).`,
			),
		].join(' '),
	};
}

function decades(table: RunTable): ReportTable {
	const { suite, contenders } = table.results;
	const tasks = new Set(
		suite.tasks
			.filter(({ learningRates }) => FIVE_DECADES.every((rate) => learningRates.includes(rate)))
			.map(({ id }) => id),
	);
	const columns =
		tasks.size > 0 ? FIVE_DECADES : [...new Set(suite.tasks.flatMap(({ learningRates }) => learningRates))];
	const selection = tasks.size > 0 ? { tasks } : {};
	return {
		caption: 'Final test accuracy in % by initial learning rate',
		header: ['contender', ...columns.map((rate) => rate.toExponential(0)), 'mean'],
		rows: contenders
			.filter(({ kind }) => kind === 'learned' || kind === 'default' || kind === 'rule-of-thumb')
			.map(({ name }) => [
				name,
				...columns.map((rate) => percent(table.mean(name, { ...selection, learningRates: [rate] }))),
				percent(table.mean(name, { ...selection, learningRates: columns })),
			]),
		note:
			tasks.size > 0
				? `Over the ${tasks.size === 1 ? 'one task of the suite that is' : `${tasks.size} tasks of the suite that are`} begun from all five decades.`
				: 'No task of the suite is begun from all five decades; each column has the tasks that are begun there.',
	};
}

/** Whom the tables by family and by task tell of; the results file has everybody. */
function shown({ results }: RunTable): readonly string[] {
	const names = results.contenders.map(({ name }) => name);
	const policies = results.policies.map(({ name }) => name);
	const own = (results.schedules ?? []).flatMap(({ name }) => [name, TUNED(name)]);
	const untuned = [RULE_OF_THUMB_COSINE, PRODIGY].filter((name) => names.includes(name));
	return [...policies, ...own, ...untuned, BEST_TUNED, BEST_METHOD, BEST_TUNED_GLOBALLY];
}

function families(table: RunTable, summaries: readonly ContenderSummary[]): ReportTable {
	const names = [...new Set(table.results.suite.tasks.map(({ family }) => family))];
	const columns = shown(table);
	const value = (name: string, family: string) =>
		summaries.find((summary) => summary.name === name)?.families[family] ?? Number.NaN;
	return {
		caption: 'Final test accuracy in % by family of tasks',
		header: ['family', ...columns],
		rows: names
			.map((family) => [family, ...columns.map((name) => percent(value(name, family)))])
			.filter((row) => row.some((cell, i) => i > 0 && cell !== '–')),
		note: 'Learned policies: the mean over all initial learning rates of a task.',
	};
}

function byTask(table: RunTable): ReportTable {
	const columns = shown(table);
	return {
		caption: 'Final test accuracy in % by task',
		header: ['task', 'held out', ...columns],
		rows: table.results.suite.tasks
			.filter(({ id }) => table.results.runs.some(({ task }) => task === id))
			.map(({ id, about }) => [
				id,
				about,
				...columns.map((name) => percent(table.mean(name, { tasks: new Set([id]) }))),
			]),
	};
}

function targets(table: RunTable): ReportTable[] {
	const { policies } = table.results;
	const oneAction = policies.find(({ granularity }, i) => i > 0 && granularity === 'network')?.name;
	return policies.flatMap(({ name }, i) => {
		const rows = targetRows(table, name, i === 0 ? oneAction : undefined);
		if (rows.length === 0) return [];
		return [
			{
				caption: `What ${name} meets`,
				header: ['target', 'found', 'met'],
				rows: rows.map(({ target, value, met }) => [target, value, met ? 'yes' : 'no']),
				note: 'Differences in points of final test accuracy with 95 % intervals of a paired bootstrap over tasks and seeds.',
			},
		];
	});
}

function tuning({ results }: RunTable): ReportTable {
	const { families: byFamily, global, childRuns, learningRates } = results.tuning;
	const text = (choice: { learningRate: number; atEdge: boolean } | undefined): string =>
		choice === undefined ? '–' : `${choice.learningRate.toExponential(0)}${choice.atEdge ? '*' : ''}`;
	const row = (name: string, choices: typeof global) => [
		name,
		...global.map(({ method }) => text(choices.find((choice) => choice.method === method))),
	];
	return {
		caption: 'Tuned initial learning rates',
		header: ['family', ...global.map(({ method }) => method)],
		rows: [...byFamily.map(({ family, choices }) => row(family, choices)), row('all families', global)],
		note: `The best of ${counted(learningRates.length, 'learning rate')} (${learningRates.map((rate) => rate.toExponential(0)).join(', ')}) by mean final validation accuracy on tuning seeds; ${counted(childRuns, 'network')} trained for it. *: at the edge of the grid.`,
	};
}

import { type MultiLineChart, multiLineChart } from '../../report/multi-line-chart.js';
import type { RunTable } from './comparison.js';
import type { SuiteResults } from './suite-results.js';
import { FIVE_DECADES } from './suite-targets.js';

/** A picture beside the results file. */
export interface SuiteChart {
	/** Part of its file's name. */
	readonly name: string;
	readonly svg: string;
}

/** Robustness curves, over the suite and by family, and the learning rates that the policies chose. */
export function suiteCharts(table: RunTable): readonly SuiteChart[] {
	const { suite } = table.results;
	const ids = new Set(suite.tasks.map(({ id }) => id));
	const families = [...new Set(suite.tasks.map(({ family }) => family))];
	return [
		chart('robustness', robustness(table, ids, 'Final test accuracy by initial learning rate')),
		...families.flatMap((family) => {
			const tasks = new Set(suite.tasks.filter((task) => task.family === family).map(({ id }) => id));
			const picture = robustness(table, tasks, `${family}: final test accuracy by initial learning rate`);
			return picture.lines.some(({ points }) => points.length > 1)
				? [chart(`robustness-${slug(family)}`, picture)]
				: [];
		}),
		...table.results.trajectories.flatMap((trajectory) => {
			const { task, contender, learningRate } = trajectory;
			// One start a task says how a policy behaves: the smallest and the largest show the way to the middle.
			const columns = suite.tasks.find(({ id }) => id === task)?.learningRates ?? [];
			if (learningRate !== Math.min(...columns) && learningRate !== Math.max(...columns)) return [];
			return [
				chart(
					`rates-${slug(contender)}-${slug(task)}-${learningRate?.toExponential(0)}`,
					learningRates(table.results, trajectory),
				),
			];
		}),
	];
}

function chart(name: string, picture: MultiLineChart): SuiteChart {
	return { name, svg: multiLineChart(picture) };
}

function robustness(table: RunTable, ids: ReadonlySet<string>, title: string): MultiLineChart {
	const { suite, contenders } = table.results;
	const all = suite.tasks.filter(({ id }) => ids.has(id) && table.results.runs.some(({ task }) => task === id));
	// The tasks that are begun from all five decades, or else the columns that all have: a line must not rise because its tasks change.
	const wide = all.filter(({ learningRates: rates }) => FIVE_DECADES.every((rate) => rates.includes(rate)));
	const own = wide.length > 0 ? wide : all;
	const tasks = new Set(own.map(({ id }) => id));
	const columns = (own[0]?.learningRates ?? []).filter((rate) =>
		own.every(({ learningRates: rates }) => rates.includes(rate)),
	);
	const lines = contenders
		.filter(({ kind }) => kind === 'learned' || kind === 'default' || kind === 'rule-of-thumb')
		.map(({ name, kind }) => ({
			name,
			emphasis: kind === 'learned',
			points: columns.map((rate) => ({
				x: rate,
				y: 100 * table.mean(name, { tasks, learningRates: [rate] }),
			})),
		}));
	return { title, xLabel: 'initial learning rate', yLabel: 'test accuracy, %', logarithmicX: true, lines };
}

function learningRates(
	{ suite }: SuiteResults,
	{ task, contender, learningRate, learningRates: rows }: SuiteResults['trajectories'][number],
): MultiLineChart {
	const entry = suite.tasks.find(({ id }) => id === task);
	const interval = (entry?.horizon ?? 0) / rows.length;
	const layers = rows[0]?.length ?? 0;
	return {
		title: `${contender} on ${task}, from ${learningRate?.toExponential(0) ?? 'its own start'}`,
		xLabel: 'optimiser step',
		yLabel: 'learning rate',
		logarithmicY: true,
		lines: Array.from({ length: layers }, (_, l) => ({
			name: `layer ${l + 1}${l === 0 ? ' (input)' : l === layers - 1 ? ' (output)' : ''}`,
			points: rows.map((row, d) => ({ x: d * interval, y: row[l] as number })),
		})),
	};
}

function slug(text: string): string {
	return text
		.toLowerCase()
		.replace(/[^a-z0-9]+/g, '-')
		.replace(/^-|-$/g, '');
}

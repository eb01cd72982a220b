import { dirname, join } from 'node:path';
import { counted } from '../../counted.js';
import { checkWritable, writeFileAtomic } from '../../files/atomic-write.js';
import { makeFolder } from '../../files/make-folder.js';
import { writeReport } from '../../report/report-page.js';
import { markdownTable } from '../../report/text-table.js';
import { suiteCharts } from './suite-charts.js';
import type { SuiteResults } from './suite-results.js';
import { withBestRivals } from './suite-summary.js';
import { suiteTables } from './suite-tables.js';

const reportPath = (out: string, extension: 'md' | 'html'): string => `${out.replace(/\.json$/, '')}.${extension}`;

/**
 * Makes the folders of what an evaluation to `out` will write, and tells now what can be written of it.
 * @throws GannoError `FILE_SYSTEM`
 */
export function prepareSuiteOutput(out: string, chartFolder?: string): void {
	makeFolder(dirname(out));
	for (const path of [out, reportPath(out, 'md'), reportPath(out, 'html')]) checkWritable(path);
	if (chartFolder === undefined) return;
	makeFolder(chartFolder);
	checkWritable(join(chartFolder, 'chart.svg'));
}

/** Tables as Markdown and as a page with charts beside the results file. @returns the paths */
export function writeSuiteReport(out: string, results: SuiteResults, chartFolder?: string): string[] {
	const table = withBestRivals(results);
	const tables = suiteTables(table);
	const charts = suiteCharts(table);
	const title = `Evaluation suite '${results.suite.name}'`;
	const markdown = [`# ${title}`, ...describeRun(results), ...tables.map(markdownTable)].join('\n\n');
	writeFileAtomic(reportPath(out, 'md'), `${markdown}\n`);
	writeReport(reportPath(out, 'html'), {
		title,
		description: describeRun(results),
		series: [],
		tables,
		pictures: charts.map(({ svg }) => svg),
	});
	if (chartFolder !== undefined) {
		makeFolder(chartFolder);
		for (const { name, svg } of charts) writeFileAtomic(join(chartFolder, `${name}.svg`), svg);
	}
	return [reportPath(out, 'md'), reportPath(out, 'html'), ...(chartFolder === undefined ? [] : [chartFolder])];
}

/** What must be known beside the figures. */
export function describeRun({ suite, seeds, datasets, runs, tuning, record }: SuiteResults): string[] {
	return [
		[
			suite.description,
			`${seeds === 'reporting' ? 'Reporting' : 'Development'} seeds.`,
			`${counted(runs.length, 'run')}, and ${counted(tuning.childRuns, 'network')} trained for tuning.`,
			`Data: ${datasets.map(({ name }) => name).join('; ')}.`,
		]
			.filter((sentence) => sentence !== '')
			.join(' '),
		`ganno ${record.ganno}${record.commit === null ? '' : ` at ${record.commit.slice(0, 12)}`}, Node ${record.node}, ${record.machine}, ${counted(record.workers, 'worker')}, ${record.date.slice(0, 10)}.`,
	];
}

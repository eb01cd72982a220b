/** Markdown tables of a saved report, one for each metric, for docs/benchmarks.md: node build/bench/table.js REPORT.json [METRIC,…] */
import { readFileSync } from 'node:fs';
import { markdownReport, type SavedReport } from './support/markdown.js';

const [path, metrics] = process.argv.slice(2);
if (path === undefined || path.startsWith('-')) {
	process.stderr.write('Usage: npm run bench:table -- REPORT.json [METRIC,METRIC]\n');
	process.exit(path === '--help' || path === '-h' ? 0 : 2);
}
const report = JSON.parse(readFileSync(path, 'utf8')) as SavedReport;
process.stdout.write(markdownReport(report, metrics?.split(',') ?? []));

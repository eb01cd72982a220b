/** A saved report as an SVG bar chart, for docs/: node build/bench/chart.js REPORT.json METRIC TITLE > CHART.svg */
import { readFileSync } from 'node:fs';
import { barChart } from './support/bar-chart.js';
import type { SavedReport } from './support/markdown.js';

const [path, metric, title] = process.argv.slice(2);
if (path === undefined || metric === undefined || title === undefined || path.startsWith('-')) {
	process.stderr.write('Usage: npm run --silent bench:chart -- REPORT.json METRIC TITLE > CHART.svg\n');
	process.exit(path === '--help' || path === '-h' ? 0 : 2);
}
process.stdout.write(barChart(JSON.parse(readFileSync(path, 'utf8')) as SavedReport, metric, title));

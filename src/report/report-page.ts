import { writeFileAtomic } from '../files/atomic-write.js';
import { escapeHtml } from './chart-frame.js';
import { lineChart, type ReportSeries } from './line-chart.js';
import type { ReportTable } from './text-table.js';

export interface Report {
	readonly title: string;
	/** Below the title: what was run, one paragraph each. */
	readonly description?: readonly string[];
	/** One chart each. */
	readonly series: readonly ReportSeries[];
	readonly tables: readonly ReportTable[];
	/** SVG elements that draw themselves with attributes alone: no style, no script. */
	readonly pictures?: readonly string[];
}

// One column on a phone, two charts abreast on a desk; light or dark as the reader's system is.
const STYLE = `
:root{color-scheme:light dark;--line:#2563a8;--band:#2563a833;--grid:#8884;--muted:#666}
@media(prefers-color-scheme:dark){:root{--line:#7ab4f0;--band:#7ab4f033;--muted:#aaa}}
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(22rem,1fr));gap:1.5rem}
.pictures{grid-template-columns:repeat(auto-fill,minmax(30rem,1fr))}
figure{margin:0}figcaption{font-weight:600}figcaption span{font-weight:400;color:var(--muted)}
svg{width:100%;height:auto}svg text{font-size:11px;fill:var(--muted)}
.grid{stroke:var(--grid);stroke-width:1}.line{fill:none;stroke:var(--line);stroke-width:1.5}.point{fill:var(--line)}.band{fill:var(--band)}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding-bottom:.4rem}
th,td{padding:.25rem .8rem;border-bottom:1px solid var(--grid);text-align:right}
th:first-child,td:first-child{text-align:left}.note{color:var(--muted)}`;

/**
 * Writes a report that opens in any browser, on any machine, without a network: one HTML file, charts as inline SVG, no script.
 * Every text is escaped, and the page's own policy forbids it to load anything. Atomic.
 * @throws GannoError `FILE_SYSTEM`
 */
export function writeReport(path: string, report: Report): void {
	writeFileAtomic(path, renderReport(report));
}

export function renderReport({ title, description = [], series, tables, pictures = [] }: Report): string {
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}
</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${description.map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`).join('\n')}
${tables.length === 0 ? '' : `<h2>Results</h2>\n${tables.map(renderTable).join('\n')}`}
${pictures.length === 0 ? '' : `<h2>Pictures</h2>\n<div class="charts pictures">\n${pictures.map((svg) => `<figure>${svg}</figure>`).join('\n')}\n</div>`}
${series.length === 0 ? '' : `<h2>Course of the run</h2>\n<div class="charts">\n${series.map(renderChart).join('\n')}\n</div>`}
</body>
</html>
`;
}

function renderChart(series: ReportSeries): string {
	const unit = series.unit === '' ? '' : ` <span>${escapeHtml(series.unit)}</span>`;
	return `<figure><figcaption>${escapeHtml(series.name)}${unit}</figcaption>${lineChart(series)}</figure>`;
}

function renderTable({ caption, header, rows, note }: ReportTable): string {
	const head = header.map((cell) => `<th scope="col">${escapeHtml(cell)}</th>`).join('');
	const body = rows
		.map((row) => {
			const cells = row.map((cell, column) =>
				column === 0 ? `<th scope="row">${escapeHtml(String(cell))}</th>` : `<td>${escapeHtml(String(cell))}</td>`,
			);
			return `<tr>${cells.join('')}</tr>`;
		})
		.join('\n');
	const below = note === undefined ? '' : `\n<p class="note">${escapeHtml(note)}</p>`;
	return `<div class="scroll"><table>
<caption>${escapeHtml(caption)}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body}
</tbody>
</table></div>${below}`;
}

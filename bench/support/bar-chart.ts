import type { SavedReport } from './markdown.js';
import { formatNumber, type Row } from './report.js';

const WIDTH = 720;
const LEFT = 260;
const RIGHT = 90;
const BAR = 16;
const GAP = 12;
const COLOURS = ['#2563eb', '#d97706', '#059669', '#9333ea', '#dc2626'];

function escapeXml(text: string): string {
	return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** Powers of ten that bound values above 0. */
function decades(values: readonly number[]): readonly [low: number, high: number] {
	const low = Math.floor(Math.log10(Math.min(...values)));
	return [low, Math.max(Math.ceil(Math.log10(Math.max(...values))), low + 1)];
}

/**
 * One metric of a report as an SVG picture: a bar a row on a logarithmic scale, with the range over the rounds; cases are groups. What was
 * not measured says so.
 * @throws Error when the report has no measured row of the metric
 */
export function barChart(report: SavedReport, metric: string, title: string): string {
	const rows = report.rows.filter((row) => row.metric === metric);
	const known = rows.flatMap(({ median }) => (median !== null && median > 0 ? [median] : []));
	if (known.length === 0) throw new Error(`The report has no measured row of ${metric}`);
	const [low, high] = decades(known);
	const x = (value: number): number => {
		const part = (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low);
		return LEFT + Math.min(part, 1) * (WIDTH - LEFT - RIGHT);
	};
	const contenders = [...new Set(rows.map(({ contender }) => contender))];
	const parts: string[] = [];
	let y = 64;
	let last: string | undefined;
	for (const row of rows) {
		if (last !== undefined && last !== row.case) y += GAP;
		last = row.case;
		parts.push(bar(row, y, x, COLOURS[contenders.indexOf(row.contender) % COLOURS.length] as string));
		y += BAR + 4;
	}
	const grid = Array.from({ length: high - low + 1 }, (_, i) => {
		const at = x(10 ** (low + i)).toFixed(1);
		const label = formatNumber(10 ** (low + i));
		return `<path d="M${at} 56V${y}" stroke="#d1d5db"/><text x="${at}" y="48" text-anchor="middle" fill="#6b7280">${label}</text>`;
	});
	const { machine, versions, tier } = report;
	const where = [
		machine.cpu,
		`${machine.cores} cores`,
		tier,
		...Object.entries(versions).map((pair) => pair.join(' ')),
	];
	const quick = report.quick ? ' (--quick: not for quoting)' : '';
	return `${[
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 32}" font-family="sans-serif" font-size="12" role="img" aria-label="${escapeXml(title)}">`,
		`<rect width="${WIDTH}" height="${y + 32}" fill="#ffffff"/>`,
		`<text x="12" y="22" font-size="15" fill="#111827">${escapeXml(title)}${quick}</text>`,
		...grid,
		...parts,
		`<text x="12" y="${y + 20}" font-size="11" fill="#6b7280">${escapeXml(where.join(', '))}</text>`,
		'</svg>',
	].join('\n')}\n`;
}

function bar(row: Row, y: number, x: (value: number) => number, colour: string): string {
	const text = y + BAR - 4;
	const label = `<text x="${LEFT - 8}" y="${text}" text-anchor="end" fill="#111827">${escapeXml(`${row.case}, ${row.contender}`)}</text>`;
	if (row.median === null || row.min === null || row.max === null) {
		return `${label}<text x="${LEFT + 6}" y="${text}" fill="#6b7280">not measured</text>`;
	}
	const [end, from, to] = [x(row.median), x(row.min), x(row.max)];
	const middle = y + BAR / 2;
	return (
		`${label}<rect x="${LEFT}" y="${y}" width="${(end - LEFT).toFixed(1)}" height="${BAR}" fill="${colour}"/>` +
		`<path d="M${from.toFixed(1)} ${middle}H${to.toFixed(1)}" stroke="#111827"/>` +
		`<text x="${(Math.max(end, to) + 6).toFixed(1)}" y="${text}" fill="#111827">${formatNumber(row.median)}</text>`
	);
}

import { axis, type ReportPoint } from './line-chart.js';
import { escapeHtml } from './markup.js';

/** Several lines in one picture, as a standalone SVG file: no script, no outside resource, legible on light and dark. */
export interface MultiLineChart {
	readonly title: string;
	readonly xLabel: string;
	readonly yLabel: string;
	/** x is drawn by its common logarithm (default false). */
	readonly logarithmicX?: boolean;
	readonly logarithmicY?: boolean;
	readonly lines: readonly {
		readonly name: string;
		readonly points: readonly ReportPoint[];
		/** Drawn thicker, and before the others in the legend (default false). */
		readonly emphasis?: boolean;
	}[];
}

const WIDTH = 640;
const HEIGHT = 360;
const LEFT = 64;
const RIGHT = 190;
const TOP = 34;
const BOTTOM = 44;
// Okabe and Ito's palette, told apart by most colour-blind readers, without its yellow and black.
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#8c6d46', '#7f7f7f'];

export function multiLineChart(chart: MultiLineChart): string {
	const { title, xLabel, yLabel, logarithmicX = false, logarithmicY = false } = chart;
	const lines = chart.lines
		.map((line) => ({
			...line,
			points: line.points
				.map(({ x, y }) => ({
					x: logarithmicX ? Math.log10(x) : x,
					y: logarithmicY ? Math.log10(y) : y,
				}))
				.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y)),
		}))
		.filter(({ points }) => points.length > 0);
	const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}" font-family="system-ui,sans-serif" font-size="12" fill="#777">`;
	const head = `<text x="${LEFT}" y="20" font-size="14" font-weight="600">${escapeHtml(title)}</text>`;
	if (lines.length === 0) {
		return `${open}${head}<text x="${WIDTH / 2}" y="${HEIGHT / 2}" text-anchor="middle">no data</text></svg>\n`;
	}
	const all = lines.flatMap(({ points }) => points);
	const xs = axisOf(
		all.map(({ x }) => x),
		LEFT,
		WIDTH - RIGHT,
		6,
		logarithmicX,
		false,
	);
	const ys = axisOf(
		all.map(({ y }) => y),
		HEIGHT - BOTTOM,
		TOP,
		5,
		logarithmicY,
		true,
	);
	const parts = [open, head];
	for (const { at, label } of ys.ticks) {
		parts.push(`<path d="M${LEFT} ${at}H${WIDTH - RIGHT}" stroke="#8884"/>`);
		parts.push(`<text x="${LEFT - 6}" y="${at + 4}" text-anchor="end">${label}</text>`);
	}
	for (const { at, label } of xs.ticks) {
		parts.push(`<text x="${at}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${label}</text>`);
	}
	parts.push(
		`<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${escapeHtml(xLabel)}</text>`,
	);
	const middle = (TOP + HEIGHT - BOTTOM) / 2;
	parts.push(
		`<text x="14" y="${middle}" text-anchor="middle" transform="rotate(-90 14 ${middle})">${escapeHtml(yLabel)}</text>`,
	);
	for (const [i, { name, points, emphasis = false }] of lines.entries()) {
		const colour = COLOURS[i % COLOURS.length] as string;
		// From the second round of the palette on, lines are dashed.
		const dash = i < COLOURS.length ? '' : ' stroke-dasharray="5 3"';
		const path = points.map(({ x, y }) => `${xs.at(x)} ${ys.at(y)}`).join('L');
		const width = emphasis ? 3 : 1.5;
		parts.push(`<path d="M${path}" fill="none" stroke="${colour}" stroke-width="${width}"${dash}/>`);
		for (const { x, y } of points.length <= 12 ? points : []) {
			parts.push(`<circle cx="${xs.at(x)}" cy="${ys.at(y)}" r="${emphasis ? 3.5 : 2.5}" fill="${colour}"/>`);
		}
		const at = TOP + 8 + i * 17;
		parts.push(`<path d="M${WIDTH - RIGHT + 12} ${at}h18" stroke="${colour}" stroke-width="${width}"${dash}/>`);
		const weight = emphasis ? ' font-weight="600"' : '';
		parts.push(`<text x="${WIDTH - RIGHT + 36}" y="${at + 4}"${weight}>${escapeHtml(name)}</text>`);
	}
	return `${parts.join('\n')}</svg>\n`;
}

function axisOf(
	values: readonly number[],
	from: number,
	to: number,
	wanted: number,
	logarithmic: boolean,
	widen: boolean,
): ReturnType<typeof axis> {
	const low = Math.min(...values);
	const high = Math.max(...values);
	if (!logarithmic) return axis(low, high, from, to, wanted, widen);
	// Whole decades, as many as there are.
	const first = Math.floor(low + 1e-9);
	const last = Math.max(Math.ceil(high - 1e-9), first + 1);
	const at = (value: number) => Math.round((from + ((value - first) / (last - first)) * (to - from)) * 10) / 10;
	const ticks = Array.from({ length: last - first + 1 }, (_, k) => {
		const value = first + k;
		return { value, at: at(value), label: `1e${value}` };
	});
	return { at, ticks };
}

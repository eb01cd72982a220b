import { type ChartPoint, chartAxes, drawAxes, escapeHtml, type Frame, noData } from './chart-frame.js';

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
		readonly points: readonly ChartPoint[];
		/** Drawn thicker, and before the others in the legend (default false). */
		readonly emphasis?: boolean;
	}[];
}

const FRAME: Frame = {
	width: 640,
	height: 360,
	left: 64,
	right: 190,
	top: 34,
	bottom: 44,
	grid: 'stroke="#8884"',
	ticks: 16,
	label: 8,
};
const { width: WIDTH, height: HEIGHT, left: LEFT, right: RIGHT, top: TOP, bottom: BOTTOM } = FRAME;
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
	if (lines.length === 0) return `${open}${head}${noData(FRAME)}\n`;
	const all = lines.flatMap(({ points }) => points);
	const [x, y] = [all.map((point) => point.x), all.map((point) => point.y)];
	const axes = chartAxes(
		FRAME,
		{ low: Math.min(...x), high: Math.max(...x), logarithmic: logarithmicX },
		{ low: Math.min(...y), high: Math.max(...y), logarithmic: logarithmicY },
	);
	const { xs, ys } = axes;
	const parts = [open, head, ...drawAxes(FRAME, axes, xLabel)];
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
		for (const point of points.length <= 12 ? points : []) {
			parts.push(
				`<circle cx="${xs.at(point.x)}" cy="${ys.at(point.y)}" r="${emphasis ? 3.5 : 2.5}" fill="${colour}"/>`,
			);
		}
		const at = TOP + 8 + i * 17;
		parts.push(`<path d="M${WIDTH - RIGHT + 12} ${at}h18" stroke="${colour}" stroke-width="${width}"${dash}/>`);
		const weight = emphasis ? ' font-weight="600"' : '';
		parts.push(`<text x="${WIDTH - RIGHT + 36}" y="${at + 4}"${weight}>${escapeHtml(name)}</text>`);
	}
	return `${parts.join('\n')}</svg>\n`;
}

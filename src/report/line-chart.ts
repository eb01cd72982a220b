import { type ChartPoint, chartAxes, drawAxes, escapeHtml, type Frame, noData } from './chart-frame.js';

export interface ReportSeries {
	readonly name: string;
	/** May be empty. */
	readonly unit: string;
	/** In ascending order of x. */
	readonly points: readonly ChartPoint[];
	/** What x counts (default `iteration`). */
	readonly xLabel?: string;
}

const FRAME: Frame = {
	width: 440,
	height: 220,
	left: 58,
	right: 10,
	top: 10,
	bottom: 34,
	grid: 'class="grid"',
	ticks: 15,
	label: 4,
};

/** One line as an SVG element; colours come from the page's style. */
export function lineChart({ name, unit, points, xLabel = 'iteration' }: ReportSeries): string {
	const open = `<svg viewBox="0 0 ${FRAME.width} ${FRAME.height}" role="img" aria-label="${escapeHtml(name)}">`;
	const drawn = points.filter(isDrawn);
	if (drawn.length === 0) return `${open}${noData(FRAME)}`;
	const axes = chartAxes(
		FRAME,
		{ low: Math.min(...drawn.map(({ x }) => x)), high: Math.max(...drawn.map(({ x }) => x)) },
		{
			low: Math.min(...drawn.map((point) => point.y - errorOf(point))),
			high: Math.max(...drawn.map((point) => point.y + errorOf(point))),
		},
	);
	const { xs, ys } = axes;
	const parts = [open, ...drawAxes(FRAME, axes, xLabel)];
	for (const run of runsOf(points)) {
		const spot = (x: number, y: number) => `${xs.at(x)} ${ys.at(y)}`;
		if (run.some((point) => errorOf(point) > 0)) {
			const above = run.map((point) => spot(point.x, point.y + errorOf(point)));
			const below = run.map((point) => spot(point.x, point.y - errorOf(point))).reverse();
			parts.push(`<path class="band" d="M${[...above, ...below].join('L')}Z"/>`);
		}
		if (run.length > 1) parts.push(`<path class="line" d="M${run.map(({ x, y }) => spot(x, y)).join('L')}"/>`);
		else for (const { x, y } of run) parts.push(`<circle class="point" cx="${xs.at(x)}" cy="${ys.at(y)}" r="2.5"/>`);
	}
	const last = drawn.at(-1) as ChartPoint;
	const value = `${formatNumber(last.y)}${unit === '' ? '' : ` ${unit}`}`;
	parts.push(`<title>${escapeHtml(`${name}: ${value} at ${xLabel} ${formatNumber(last.x)}`)}</title>`);
	return `${parts.join('')}</svg>`;
}

function isDrawn({ x, y }: ChartPoint): boolean {
	// Beyond 1e300 the axis itself would overflow.
	return Math.abs(x) <= 1e300 && Math.abs(y) <= 1e300;
}

function errorOf({ error }: ChartPoint): number {
	return error !== undefined && Math.abs(error) <= 1e300 ? Math.abs(error) : 0;
}

/** The stretches between gaps. */
function runsOf(points: readonly ChartPoint[]): ChartPoint[][] {
	const runs: ChartPoint[][] = [[]];
	for (const point of points) {
		if (isDrawn(point)) runs.at(-1)?.push(point);
		else runs.push([]);
	}
	return runs.filter((run) => run.length > 0);
}

function formatNumber(value: number): string {
	return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

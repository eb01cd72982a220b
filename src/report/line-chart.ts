import { escapeHtml } from './markup.js';

export interface ReportPoint {
	readonly x: number;
	/** A point that is not finite is a gap in the line. */
	readonly y: number;
	/** Half the height of the band round the line, e.g. a standard error. */
	readonly error?: number;
}

export interface ReportSeries {
	readonly name: string;
	/** May be empty. */
	readonly unit: string;
	/** In ascending order of x. */
	readonly points: readonly ReportPoint[];
	/** What x counts (default `iteration`). */
	readonly xLabel?: string;
}

const WIDTH = 440;
const HEIGHT = 220;
const LEFT = 58;
const RIGHT = 10;
const TOP = 10;
const BOTTOM = 34;

/** A line chart as an SVG element, without script or outside resources; colours come from the page's style. */
export function lineChart({ name, unit, points, xLabel = 'iteration' }: ReportSeries): string {
	const open = `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(name)}">`;
	const drawn = points.filter(isDrawn);
	if (drawn.length === 0) {
		return `${open}<text x="${WIDTH / 2}" y="${HEIGHT / 2}" text-anchor="middle">no data</text></svg>`;
	}
	const xs = axis(
		Math.min(...drawn.map(({ x }) => x)),
		Math.max(...drawn.map(({ x }) => x)),
		LEFT,
		WIDTH - RIGHT,
		6,
		false,
	);
	const ys = axis(
		Math.min(...drawn.map((point) => point.y - errorOf(point))),
		Math.max(...drawn.map((point) => point.y + errorOf(point))),
		HEIGHT - BOTTOM,
		TOP,
		5,
		true,
	);

	const parts = [open];
	for (const { value, at, label } of ys.ticks) {
		parts.push(`<path class="grid" d="M${LEFT} ${at}H${WIDTH - RIGHT}"/>`);
		parts.push(`<text x="${LEFT - 6}" y="${at + 4}" text-anchor="end" data-value="${value}">${label}</text>`);
	}
	for (const { at, label } of xs.ticks) {
		parts.push(`<text x="${at}" y="${HEIGHT - BOTTOM + 15}" text-anchor="middle">${label}</text>`);
	}
	const middle = (LEFT + WIDTH - RIGHT) / 2;
	parts.push(`<text x="${middle}" y="${HEIGHT - 4}" text-anchor="middle">${escapeHtml(xLabel)}</text>`);

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
	const last = drawn.at(-1) as ReportPoint;
	const value = `${formatNumber(last.y)}${unit === '' ? '' : ` ${unit}`}`;
	parts.push(`<title>${escapeHtml(`${name}: ${value} at ${xLabel} ${formatNumber(last.x)}`)}</title>`);
	return `${parts.join('')}</svg>`;
}

function isDrawn({ x, y }: ReportPoint): boolean {
	// Beyond 1e300 the axis itself would overflow.
	return Math.abs(x) <= 1e300 && Math.abs(y) <= 1e300;
}

function errorOf({ error }: ReportPoint): number {
	return error !== undefined && Math.abs(error) <= 1e300 ? Math.abs(error) : 0;
}

/** The stretches between gaps. */
function runsOf(points: readonly ReportPoint[]): ReportPoint[][] {
	const runs: ReportPoint[][] = [[]];
	for (const point of points) {
		if (isDrawn(point)) runs.at(-1)?.push(point);
		else runs.push([]);
	}
	return runs.filter((run) => run.length > 0);
}

export interface Axis {
	/** The pixel of a value, to a tenth. */
	at(value: number): number;
	readonly ticks: readonly { readonly value: number; readonly at: number; readonly label: string }[];
}

/** A linear axis with ticks at 1, 2 or 5 × 10ⁿ. @param widen reach to the ticks outside the data */
export function axis(minimum: number, maximum: number, from: number, to: number, wanted: number, widen: boolean): Axis {
	// A constant series is drawn in the middle of an axis of its own.
	const slack = maximum > minimum ? 0 : Math.max(Math.abs(minimum) * 0.1, Number.MIN_VALUE * 2 ** 60, 1e-9);
	let low = minimum - (widen ? slack : 0);
	let high = maximum + (widen ? slack : 0);
	if (high <= low) high = low + 1;
	const step = niceStep((high - low) / wanted);
	if (widen) {
		low = Math.floor(low / step) * step;
		high = Math.ceil(high / step) * step;
	}
	const at = (value: number) => Math.round((from + ((value - low) / (high - low)) * (to - from)) * 10) / 10;
	const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
	const ticks: { value: number; at: number; label: string }[] = [];
	const first = Math.ceil(low / step - 1e-6);
	const last = Math.floor(high / step + 1e-6);
	for (let k = first; k <= last; k++) {
		const value = k === 0 ? 0 : k * step;
		ticks.push({ value, at: at(value), label: tickLabel(value, step, decimals) });
	}
	return { at, ticks };
}

function niceStep(rough: number): number {
	const power = 10 ** Math.floor(Math.log10(rough));
	const fraction = rough / power;
	return (fraction <= 1 ? 1 : fraction <= 2 ? 2 : fraction <= 5 ? 5 : 10) * power;
}

function tickLabel(value: number, step: number, decimals: number): string {
	if (value === 0) return '0';
	const plain = decimals <= 4 && Math.abs(value) < 1e7;
	if (plain) return value.toFixed(decimals);
	// As many digits as tell a tick from its neighbour.
	const digits = Math.max(0, Math.floor(Math.log10(Math.abs(value)) + 1e-9) - Math.floor(Math.log10(step) + 1e-9));
	return value.toExponential(Math.min(digits, 12));
}

function formatNumber(value: number): string {
	return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

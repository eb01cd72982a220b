/** What charts have in common: escaped text, axes, and the frame they stand in. SVG without script or outside resources. */

export interface ChartPoint {
	readonly x: number;
	/** A point that is not finite is a gap in the line. */
	readonly y: number;
	/** Half the height of the band round the line, e.g. a standard error. */
	readonly error?: number;
}

/** Pixels: of the picture, and between its edges and the axes. */
export interface Frame {
	readonly width: number;
	readonly height: number;
	readonly left: number;
	readonly right: number;
	readonly top: number;
	readonly bottom: number;
	/** Attributes of the lines of the grid. */
	readonly grid: string;
	/** From the horizontal axis down to the base of its numbers. */
	readonly ticks: number;
	/** From the lower edge up to the base of its label. */
	readonly label: number;
}

const ENTITIES: Readonly<Record<string, string>> = {
	'&': '&amp;',
	'<': '&lt;',
	'>': '&gt;',
	'"': '&quot;',
	"'": '&#39;',
};

/** Text for HTML and SVG, in content and in attributes. Control characters, which neither may hold, become U+FFFD. */
export function escapeHtml(text: string): string {
	return text.replace(/[&<>"']/g, (character) => ENTITIES[character] as string).replace(/[^\P{Cc}\t\n\r]/gu, '\ufffd');
}

export const noData = ({ width, height }: Frame): string =>
	`<text x="${width / 2}" y="${height / 2}" text-anchor="middle">no data</text></svg>`;

/** Axes over ranges of values: some six ticks across; up, some five, and the ticks outside the data. */
export function chartAxes(frame: Frame, x: AxisRange, y: AxisRange): { readonly xs: Axis; readonly ys: Axis } {
	const { width, height, left, right, top, bottom } = frame;
	return { xs: axis(x, left, width - right, 6, false), ys: axis(y, height - bottom, top, 5, true) };
}

/** The grid, the numbers along both axes and the label of the horizontal one. */
export function drawAxes(frame: Frame, { xs, ys }: ReturnType<typeof chartAxes>, xLabel: string): string[] {
	const { width, height, left, right, bottom, grid, ticks, label } = frame;
	return [
		...ys.ticks.flatMap(({ at, label: text, value }) => [
			`<path ${grid} d="M${left} ${at}H${width - right}"/>`,
			`<text x="${left - 6}" y="${at + 4}" text-anchor="end" data-value="${value}">${text}</text>`,
		]),
		...xs.ticks.map(
			({ at, label: text }) => `<text x="${at}" y="${height - bottom + ticks}" text-anchor="middle">${text}</text>`,
		),
		`<text x="${(left + width - right) / 2}" y="${height - label}" text-anchor="middle">${escapeHtml(xLabel)}</text>`,
	];
}

export interface AxisRange {
	readonly low: number;
	readonly high: number;
	/** The values are common logarithms. */
	readonly logarithmic?: boolean;
}

interface Axis {
	/** The pixel of a value, to a tenth. */
	at(value: number): number;
	readonly ticks: readonly { readonly value: number; readonly at: number; readonly label: string }[];
}

function axis(range: AxisRange, from: number, to: number, wanted: number, widen: boolean): Axis {
	return range.logarithmic === true ? decades(range, from, to) : linearAxis(range, from, to, wanted, widen);
}

/** Whole decades, as many as there are. */
function decades({ low, high }: AxisRange, from: number, to: number): Axis {
	const first = Math.floor(low + 1e-9);
	const last = Math.max(Math.ceil(high - 1e-9), first + 1);
	const at = (value: number) => Math.round((from + ((value - first) / (last - first)) * (to - from)) * 10) / 10;
	const ticks = Array.from({ length: last - first + 1 }, (_, k) => {
		const value = first + k;
		return { value, at: at(value), label: `1e${value}` };
	});
	return { at, ticks };
}

/** Ticks at 1, 2 or 5 × 10ⁿ. @param widen reach to the ticks outside the data */
function linearAxis(
	{ low: minimum, high: maximum }: AxisRange,
	from: number,
	to: number,
	wanted: number,
	widen: boolean,
): Axis {
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

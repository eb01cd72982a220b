import { checkInteger, checkKeys, invalidArgument, keysOf } from '../arguments.js';
import { checkFigures, type LayerFigure, type LayerReport, layerFigure } from './layer-report.js';

/** Output of a table, such as `process.stderr`. */
export interface TableStream {
	readonly isTTY?: boolean;
	/** Width of the terminal; 0 where it is not known. */
	readonly columns?: number;
	/** Height of the terminal. */
	readonly rows?: number;
	write(text: string): unknown;
}

export interface LayerTableOptions {
	/** Default `process.stderr`. */
	readonly stream?: TableStream;
	/** Default DEFAULT_LAYER_FIGURES. */
	readonly figures?: readonly LayerFigure[];
	/** Steps between two tables where the stream is no terminal; default 100. */
	readonly every?: number;
}

const OPTION_NAMES = keysOf<LayerTableOptions>({ stream: true, figures: true, every: true });

/** Minimum time between two drawings on a terminal. */
const REDRAW_MILLISECONDS = 100;

const TITLES: Readonly<Partial<Record<LayerFigure, string>>> = {
	learningRate: 'rate',
	gradientNorm: '‖g‖',
	parameterNorm: '‖w‖',
	updateNorm: '‖u‖',
	updateRatio: '‖u‖/‖w‖',
	momentNorm: '‖m‖',
	gradientMomentCosine: 'cos(g,m)',
	gradientParameterCosine: 'cos(g,w)',
	gradientUpdateCosine: 'cos(g,u)',
	nonFiniteCount: 'not finite',
};

function format(report: LayerReport, layer: number, figure: LayerFigure): string {
	const value = layerFigure(report, layer, figure);
	if (figure === 'nonFiniteCount') return String(value);
	// ‖u‖ over nothing: biases that begin at 0.
	if (figure === 'updateRatio' && layerFigure(report, layer, 'parameterNorm') === 0) return '–';
	return figure.endsWith('Cosine') ? value.toFixed(3) : value.toExponential(2);
}

/** A report as lines: a heading, then a line a layer. */
export function formatLayerTable(report: LayerReport, figures?: readonly LayerFigure[]): string[] {
	const shown = checkFigures(figures);
	const cells = [
		['layer', ...shown.map((figure) => TITLES[figure] ?? figure)],
		...report.layerNames.map((name, layer) => [name, ...shown.map((figure) => format(report, layer, figure))]),
	];
	// Not by cli-table3: this runs at every step of a training, where a table of it costs eighty times as much.
	const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
	const loss = report.loss === undefined ? '' : `  loss ${report.loss.toPrecision(5)}`;
	return [
		`step ${report.step}${loss}`,
		...cells.map((row) =>
			row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c] ?? 0) : cell.padStart(widths[c] ?? 0))).join('  '),
		),
	];
}

/**
 * A live table of all layers: on a terminal it is redrawn in place, at most ten times a second; elsewhere it is printed every `every` steps.
 */
export class LayerTable implements Disposable {
	readonly #stream: TableStream;
	readonly #figures: readonly LayerFigure[];
	readonly #every: number;
	#lines = 0;
	#drawn = Number.NEGATIVE_INFINITY;
	#last: string[] | undefined;

	/** @throws GannoError `INVALID_ARGUMENT` */
	constructor(options: LayerTableOptions = {}) {
		checkKeys(options, 'options', OPTION_NAMES);
		this.#stream = options.stream ?? process.stderr;
		this.#figures = checkFigures(options.figures);
		this.#every = checkInteger(options.every ?? 100, 'every', 1);
		if (typeof this.#stream?.write !== 'function') throw invalidArgument('a writable stream', 'stream', this.#stream);
	}

	write(report: LayerReport): void {
		if (this.#stream.isTTY !== true) {
			if (report.step % this.#every === 0) {
				this.#stream.write(`${formatLayerTable(report, this.#figures).join('\n')}\n`);
			}
			return;
		}
		const now = performance.now();
		const lines = formatLayerTable(report, this.#figures);
		this.#last = lines;
		if (now - this.#drawn < REDRAW_MILLISECONDS) return;
		this.#drawn = now;
		this.#draw(lines);
	}

	/** Draws the last report; later output appears below it. */
	close(): void {
		if (this.#last !== undefined) this.#draw(this.#last);
		this.#last = undefined;
		this.#lines = 0;
	}

	[Symbol.dispose](): void {
		this.close();
	}

	#draw(lines: readonly string[]): void {
		// One short of the edges: a line that wraps or scrolls could not be gone back to.
		const width = (this.#stream.columns || 80) - 1;
		const height = (this.#stream.rows || 24) - 1;
		const more = lines.length - height;
		const shown = more > 0 ? [...lines.slice(0, height - 1), `… and ${more + 1} more`] : lines;
		const up = this.#lines > 0 ? `\u001b[${this.#lines}A` : '';
		this.#stream.write(up + shown.map((line) => `\r\u001b[2K${line.slice(0, width)}\n`).join(''));
		this.#lines = shown.length;
	}
}

import { requireDependency } from '../package-files.js';

/** Cells of a table. */
export interface TableCells {
	readonly header: readonly string[];
	/** Row by row; the first cell of each names the row. */
	readonly rows: readonly (readonly (string | number)[])[];
}

/** A table of a report: for the terminal, for Markdown and for HTML. */
export interface ReportTable extends TableCells {
	readonly caption: string;
	/** A sentence below the table. */
	readonly note?: string;
}

/** No frame: two spaces between columns and a rule below the header. */
const LINES = {
	...Object.fromEntries(
		['top', 'bottom', 'left', 'right'].flatMap((side) =>
			['', '-left', '-right', '-mid'].map((end) => [`${side}${end}`, '']),
		),
	),
	mid: '-',
	'mid-mid': '  ',
	middle: '  ',
};

/**
 * Aligned columns below a rule, without a trailing line break.
 * @param names columns of names, which stand to the left; figures stand to the right
 */
export function formatCells({ header, rows }: TableCells, names = 1): string {
	const Table = requireDependency('cli-table3') as typeof import('cli-table3');
	const table = new Table({
		head: [...header],
		chars: LINES,
		colAligns: header.map((_, column) => (column < names ? 'left' : 'right')),
		style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
	});
	table.push(...rows.map((row) => [...row]));
	return table.toString();
}

/** A table for a terminal. */
export function textTable(table: ReportTable): string {
	const { caption, note } = table;
	return [caption, '', formatCells(table), ...(note === undefined ? [] : ['', note])].join('\n');
}

/** A table in Markdown. */
export function markdownTable({ caption, header, rows, note }: ReportTable): string {
	const line = (cells: readonly (string | number)[]) =>
		`| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
	const lines = [line(header), line(header.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)];
	return [`**${caption}**`, '', ...lines, ...(note === undefined ? [] : ['', note])].join('\n');
}

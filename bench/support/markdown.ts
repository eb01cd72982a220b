import type { Machine } from './machine.js';
import { formatNumber, judgement, type Row, type Target } from './report.js';

/** What `--json` prints. */
export interface SavedReport {
	readonly machine: Machine;
	readonly versions: Readonly<Record<string, string>>;
	readonly tier: string;
	readonly quick: boolean;
	readonly rows: readonly Row[];
	readonly targets: readonly Target[];
}

function distinct(values: readonly string[]): string[] {
	return [...new Set(values)];
}

function line(cells: readonly string[]): string {
	return `| ${cells.join(' | ')} |`;
}

function table(header: readonly string[], lines: readonly (readonly string[])[]): string[] {
	return [line(header), line(header.map(() => '---')), ...lines.map(line), ''];
}

function cell(row: Row | undefined): string {
	if (row === undefined) return '';
	if (row.median === null || row.min === null || row.max === null) return '–';
	if (row.samples === 1) return formatNumber(row.median);
	return `${formatNumber(row.median)} (${formatNumber(row.min)}–${formatNumber(row.max)})`;
}

/** A metric's rows: contenders down, cases across, median (min–max). */
function metricTable(metric: string, rows: readonly Row[]): string[] {
	const cases = distinct(rows.map((row) => row.case));
	const contenders = distinct(rows.map((row) => row.contender));
	const notes = distinct(
		rows.flatMap((row) => (row.median === null ? [`${row.contender}, ${row.case}: ${row.note}`] : [])),
	);
	return [
		`**${metric}** in ${distinct(rows.map((row) => row.unit)).join(', ')}, median (min–max):`,
		'',
		...table(
			['contender', ...cases.map((name) => `\`${name}\``)],
			contenders.map((contender) => [
				`\`${contender}\``,
				...cases.map((name) => cell(rows.find((row) => row.case === name && row.contender === contender))),
			]),
		),
		...notes.map((note) => `- ${note}`),
		...(notes.length > 0 ? [''] : []),
	];
}

/**
 * A report as Markdown: one table a metric and one of the targets.
 * @param metrics only these; empty: all
 */
export function markdownReport(report: SavedReport, metrics: readonly string[]): string {
	const { machine, versions, tier, rows, targets } = report;
	const known = distinct(rows.map((row) => row.metric));
	const unknown = metrics.find((metric) => !known.includes(metric));
	if (unknown !== undefined) throw new Error(`No metric is called ${unknown}; there are ${known.join(', ')}`);
	const lines = [
		`${machine.cpu}, ${machine.cores} cores, ${machine.memoryGigabytes} GB; tier ${tier}; ` +
			Object.entries(versions)
				.map(([name, version]) => `${name} ${version}`)
				.join(', ') +
			(report.quick ? '; --quick: not for quoting' : ''),
		'',
		...known
			.filter((metric) => metrics.length === 0 || metrics.includes(metric))
			.flatMap((metric) =>
				metricTable(
					metric,
					rows.filter((row) => row.metric === metric),
				),
			),
		...(targets.length === 0
			? []
			: table(
					['target', 'bound', 'measured', ''],
					targets.map((one) => [
						one.name,
						one.target,
						one.value === null ? '–' : formatNumber(one.value),
						judgement(one, report.quick, 'missed'),
					]),
				)),
	];
	return `${lines.join('\n').trimEnd()}\n`;
}

import { describeMachine, type Machine } from './machine.js';

/** One measured figure: the median over rounds, and the extremes. */
export interface Row {
	readonly case: string;
	readonly contender: string;
	readonly metric: string;
	readonly unit: string;
	/** null: not measured; `note` says why and what to do. */
	readonly median: number | null;
	readonly min: number | null;
	readonly max: number | null;
	readonly samples: number;
	readonly note?: string;
}

/**
 * A figure that is promised. `value` and `met` are null when something it needs was not measured; `met` alone in the report of a trial run
 * (`--quick`).
 */
export interface Target {
	readonly name: string;
	readonly target: string;
	readonly value: number | null;
	readonly met: boolean | null;
}

export function median(samples: readonly number[]): number {
	if (samples.length === 0) throw new Error('The median of no samples was asked for');
	const sorted = [...samples].sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	return sorted.length % 2 === 1
		? (sorted[middle] as number)
		: ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** @throws Error when a sample is not finite: a figure that came out of NaN must never be printed. */
export function measured(
	label: Pick<Row, 'case' | 'contender' | 'metric' | 'unit'>,
	samples: readonly number[],
	note?: string,
): Row {
	const bad = samples.find((sample) => !Number.isFinite(sample));
	if (samples.length === 0 || bad !== undefined) {
		throw new Error(
			`${label.case}, ${label.contender}, ${label.metric}: ${samples.length === 0 ? 'no samples' : `a sample is ${bad}`}; nothing is reported`,
		);
	}
	const { case: caseName, contender, metric, unit } = label;
	return {
		case: caseName,
		contender,
		metric,
		unit,
		median: median(samples),
		min: Math.min(...samples),
		max: Math.max(...samples),
		samples: samples.length,
		...(note === undefined ? {} : { note }),
	};
}

export function unmeasured(label: Pick<Row, 'case' | 'contender' | 'metric' | 'unit'>, note: string): Row {
	const { case: caseName, contender, metric, unit } = label;
	return { case: caseName, contender, metric, unit, median: null, min: null, max: null, samples: 0, note };
}

/** A bound that a value must keep; a null value means that something was not measured. */
export function target(name: string, relation: '>=' | '<=' | '>', bound: number, value: number | null): Target {
	if (value !== null && Number.isNaN(value)) throw new Error(`${name}: the value is NaN; nothing is reported`);
	const keeps = { '>=': (x: number) => x >= bound, '<=': (x: number) => x <= bound, '>': (x: number) => x > bound };
	const met = value === null ? null : keeps[relation](value);
	return { name, target: `${relation} ${bound}`, value, met };
}

/**
 * What is said of a target. A trial run (`--quick`) measures too briefly to judge anything.
 * @param missed the word for a bound that is not kept
 */
export function judgement({ value, met }: Target, quick: boolean, missed: string): string {
	if (value === null || (met === null && !quick)) return 'not measured';
	if (quick) return 'not judged (--quick)';
	return met === true ? 'met' : missed;
}

export function formatNumber(value: number): string {
	if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
	const magnitude = Math.abs(value);
	if (magnitude >= 1e6) return value.toExponential(3);
	if (magnitude >= 1000) return value.toFixed(0);
	if (magnitude >= 100) return value.toFixed(1);
	return value.toPrecision(3);
}

function table(header: readonly string[], lines: readonly (readonly string[])[]): string {
	const widths = header.map((title, column) =>
		Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)),
	);
	const draw = (line: readonly string[]): string =>
		line
			.map((cell, column) => cell.padEnd(widths[column] as number))
			.join('  ')
			.trimEnd();
	return [draw(header), widths.map((width) => '-'.repeat(width)).join('  '), ...lines.map(draw)].join('\n');
}

/** Prints the result: a table, or with `json` exactly one object on standard output. */
export function report(options: {
	readonly json: boolean;
	readonly quick: boolean;
	readonly tier: string;
	readonly versions: Readonly<Record<string, string>>;
	readonly rows: readonly Row[];
	readonly targets: readonly Target[];
}): void {
	const machine: Machine = describeMachine();
	const { tier, versions, rows, quick } = options;
	const targets = quick ? options.targets.map((one) => ({ ...one, met: null })) : options.targets;
	if (options.json) {
		process.stdout.write(`${JSON.stringify({ machine, versions, tier, quick, rows, targets }, null, 2)}\n`);
		return;
	}
	const lines = [
		`${machine.cpu}, ${machine.cores} cores, ${machine.memoryGigabytes} GB, ${machine.system}; tier ${tier}${quick ? '; --quick' : ''}`,
		Object.entries(versions)
			.map(([name, version]) => `${name} ${version}`)
			.join(', '),
		'',
		table(
			['case', 'contender', 'metric', 'median', 'min', 'max', 'rounds', 'unit', ''],
			rows.map((row) => [
				row.case,
				row.contender,
				row.metric,
				row.median === null ? 'not measured' : formatNumber(row.median),
				row.min === null ? '' : formatNumber(row.min),
				row.max === null ? '' : formatNumber(row.max),
				String(row.samples),
				row.unit,
				row.note ?? '',
			]),
		),
		'',
	];
	if (targets.length > 0) {
		lines.push(
			table(
				['target', 'bound', 'value', ''],
				targets.map((one) => [
					one.name,
					one.target,
					one.value === null ? '–' : formatNumber(one.value),
					judgement(one, quick, 'NOT MET'),
				]),
			),
			'',
		);
	}
	process.stdout.write(`${lines.join('\n')}`);
}

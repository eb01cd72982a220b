import { counted } from '../counted.js';
import type { EvaluationRow, EvaluationTable } from './evaluate.js';

const percent = (value: number): string => (100 * value).toFixed(1);

function cell(mean: number, standardError: number, diverged = 0): string {
	const marks = diverged === 0 ? '' : ` (${diverged})`;
	return `${percent(mean)} ± ${percent(standardError)}${marks}`;
}

/** Header and rows of the table, cells as text. */
export function evaluationCells(table: EvaluationTable): {
	readonly header: readonly string[];
	readonly rows: readonly (readonly string[])[];
} {
	return {
		header: ['schedule', ...table.learningRates.map((rate) => rate.toExponential(0)), 'mean'],
		rows: table.rows.map((row) => [
			row.contender,
			...row.cells.map(({ mean, standardError, diverged }) => cell(mean, standardError, diverged)),
			cell(row.mean, row.standardError),
		]),
	};
}

/** What must be said below the table. */
export function evaluationNotes({ rows, tuning }: EvaluationTable): readonly string[] {
	const diverged = rows.some(({ cells }) => cells.some((entry) => entry.diverged > 0));
	return [
		...(diverged ? ['In brackets: networks that diverged.'] : []),
		`The tuned cosine starts at ${tuning.learningRate.toExponential(0)} everywhere: the best of ${counted(tuning.grid.length, 'learning rate')} by validation accuracy, ${counted(tuning.seeds, 'seed')} each, ${counted(tuning.childRuns, 'network')} trained to find it.`,
		verdict(rows),
	];
}

/** The table as text: test accuracy in percent. */
export function formatEvaluation(table: EvaluationTable): string {
	const { header, rows } = evaluationCells(table);
	const widths = header.map((_, column) => Math.max(...[header, ...rows].map((line) => (line[column] ?? '').length)));
	const format = (line: readonly string[]): string =>
		line
			.map((text, column) => (column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0)))
			.join('  ');
	return [
		`Test accuracy in % (mean ± standard error over ${counted(table.seeds, 'held-out seed')}) by initial learning rate`,
		`${table.dataset}, ${table.network}, ${table.optimizer}, batch ${table.batchSize}, ${counted(table.horizon, 'step')}`,
		'',
		format(header),
		widths.map((width) => '-'.repeat(width)).join('  '),
		...rows.map(format),
		'',
		...evaluationNotes(table),
	].join('\n');
}

/** Where the learned schedule stands, in plain words. */
function verdict(rows: readonly EvaluationRow[]): string {
	const learned = rows.find(({ kind }) => kind === 'learned');
	const tuned = rows.find(({ kind }) => kind === 'tuned');
	const best = rows.filter(({ kind }) => kind === 'default').sort((a, b) => b.mean - a.mean)[0];
	if (learned === undefined || tuned === undefined || best === undefined) return '';
	const compare = (rival: EvaluationRow): string => {
		const points = 100 * (learned.mean - rival.mean);
		return `${Math.abs(points).toFixed(1)} points ${points >= 0 ? 'above' : 'below'}`;
	};
	return `On the mean of all columns the learned schedule is ${compare(best)} the best default schedule (${best.contender}) and ${compare(tuned)} the tuned cosine.`;
}

import { counted } from '../counted.js';
import { formatCells, type TableCells } from '../report/text-table.js';
import type { EvaluationKinds, EvaluationRow, EvaluationTable } from './evaluation-result.js';

const percent = (value: number): string => (100 * value).toFixed(1);

const mark = (diverged: number): string => (diverged === 0 ? '' : ` (${diverged})`);

function cell(mean: number, standardError: number, diverged = 0): string {
	return `${percent(mean)} ± ${percent(standardError)}${mark(diverged)}`;
}

export function evaluationCells(table: EvaluationTable): TableCells {
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
	const own = rows.filter(({ tuning: found }) => found !== undefined);
	return [
		...(anyDiverged(rows) ? [DIVERGED_NOTE] : []),
		`The tuned cosine starts at ${tuning.learningRate.toExponential(0)} everywhere: the best of ${counted(tuning.grid.length, 'learning rate')} by validation accuracy, ${counted(tuning.seeds, 'seed')} each, ${counted(tuning.childRuns, 'network')} trained to find it.`,
		...own.map(
			({ contender, tuning: found }) =>
				`${contender}: at ${found?.learningRate.toExponential(0)}, found in the same way by as many networks.`,
		),
		verdict(rows),
	];
}

const DIVERGED_NOTE = 'In brackets: networks that diverged.';

const anyDiverged = (rows: readonly EvaluationRow[]): boolean =>
	rows.some(({ cells }) => cells.some((entry) => entry.diverged > 0));

/** The kinds of task that were tested beside the table's own, a row each; undefined where there are none. */
export function kindCells({ kinds }: EvaluationTable): TableCells | undefined {
	const contenders = kinds?.shown[0]?.rows.map(({ contender }) => contender);
	if (kinds === undefined || contenders === undefined) return undefined;
	return {
		header: ['network', 'optimiser', ...contenders],
		rows: kinds.shown.map(({ network, optimizer, rows }) => [
			network,
			optimizer,
			...rows.map(({ kind, mean, cells }) => {
				// A tuned schedule has one cell, which stands in every column.
				const runs = kind === 'tuned' ? cells.slice(0, 1) : cells;
				return `${percent(mean)}${mark(runs.reduce((sum, { diverged }) => sum + diverged, 0))}`;
			}),
		]),
	};
}

/** The heading of {@link kindCells}. */
export const kindCaption = ({ learningRates }: EvaluationTable): string =>
	`Other kinds of task that the settings train on: mean test accuracy in % over ${learningRates.length} initial learning rates`;

/** What must be said of the kinds, of those that were not tested too. */
export function kindNotes({ kinds }: EvaluationTable): readonly string[] {
	if (kinds === undefined) return [];
	const { shown, networks } = kinds;
	const one = networks === 1 ? 'One network' : `${networks} networks`;
	return [
		...(shown.some(({ rows }) => anyDiverged(rows)) ? [DIVERGED_NOTE] : []),
		...(shown.length === 0
			? []
			: [
					`${one} of a kind, its batch size, horizon and decisions drawn as in training: these rows show where a policy fails, not by how much. The cosine is tuned for each kind.`,
				]),
		...leftOutNote(kinds),
	];
}

function leftOutNote({ families, optimizers, shown, leftOut }: EvaluationKinds): readonly string[] {
	if (leftOut.length === 0) return [];
	const count = (value: number, one: string, many: string): string => `${value} ${value === 1 ? one : many}`;
	const trained = `${count(families, 'network family', 'network families')} × ${count(optimizers, 'optimiser', 'optimisers')}`;
	return [
		`Of the kinds that the settings train on (${trained}), ${leftOut.length} are left out here: --kinds ${shown.length + leftOut.length} tests all of them, --optimizer NAME or --set evaluation.network=… whole tables of others.`,
	];
}

/** The tables as text: test accuracy in percent. */
export function formatEvaluation(table: EvaluationTable): string {
	const kinds = kindCells(table);
	const kindLines = [
		...(kinds === undefined ? [] : [kindCaption(table), '', formatCells(kinds, 2), '']),
		...kindNotes(table),
	];
	return [
		`Test accuracy in % (mean ± standard error over ${counted(table.seeds, 'held-out seed')}) by initial learning rate`,
		`${table.dataset}, ${table.network}, ${table.optimizer}, batch ${table.batchSize}, ${counted(table.horizon, 'step')}`,
		'',
		formatCells(evaluationCells(table)),
		'',
		...evaluationNotes(table),
		...(kindLines.length === 0 ? [] : ['', ...kindLines]),
	].join('\n');
}

/** Where the learned schedule stands, in plain words. */
function verdict(rows: readonly EvaluationRow[]): string {
	const [learned, ...policies] = rows.filter(({ kind }) => kind === 'learned');
	const [tuned, ...tunedOwn] = rows.filter(({ kind }) => kind === 'tuned');
	const best = rows.filter(({ kind }) => kind === 'default').sort((a, b) => b.mean - a.mean)[0];
	if (learned === undefined || tuned === undefined || best === undefined) return '';
	const compare = (rival: EvaluationRow, name: string): string => {
		const points = 100 * (learned.mean - rival.mean);
		return `${Math.abs(points).toFixed(1)} points ${points >= 0 ? 'above' : 'below'} ${name}`;
	};
	const rivals = [
		compare(best, `the best default schedule (${best.contender})`),
		compare(tuned, 'the tuned cosine'),
		...[...policies, ...rows.filter(({ kind }) => kind === 'own'), ...tunedOwn].map((row) =>
			compare(row, JSON.stringify(row.contender)),
		),
	];
	const list = `${rivals.slice(0, -1).join(', ')} and ${rivals.at(-1)}`;
	return `On the mean of all columns the learned schedule is ${list}.`;
}

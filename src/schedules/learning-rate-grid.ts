/** What was tried at one initial learning rate. */
interface GridRow {
	readonly learningRate: number;
}

export interface GridChoice<Row extends GridRow> {
	readonly best: Row;
	/** The best is the lowest or the highest of several learning rates: there may be better ones beyond. */
	readonly edge?: 'lowest' | 'highest';
}

/**
 * Chooses an initial learning rate from a grid of them; on equal scores the one that comes first.
 * @param rows not empty
 */
export function bestOfGrid<Row extends GridRow>(rows: readonly Row[], score: (row: Row) => number): GridChoice<Row> {
	const best = rows.reduce((leader, row) => (score(row) > score(leader) ? row : leader));
	if (rows.length === 1) return { best };
	const rates = rows.map(({ learningRate }) => learningRate);
	if (best.learningRate === Math.min(...rates)) return { best, edge: 'lowest' };
	return best.learningRate === Math.max(...rates) ? { best, edge: 'highest' } : { best };
}

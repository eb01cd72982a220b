import { measured, median, type Row, type Target, target } from '../support/report.js';
import { EMPTY_OVERHEAD, OVERHEAD, POPULATION } from './cases.js';
import { type CaseResult, roundRatios } from './measure.js';

/** A quotient of two contenders' times that is promised on some cases; reported on every case both were measured on. */
export interface Ratio {
	readonly metric: string;
	readonly numerator: string;
	readonly denominator: string;
	readonly relation: '>=' | '<=';
	/** [case, bound] */
	readonly bounds: readonly (readonly [string, number])[];
}

const RATIOS: readonly Ratio[] = [
	{
		metric: 'share_of_stream_ceiling',
		numerator: 'stream-ceiling',
		denominator: 'ganno',
		relation: '>=',
		bounds: [
			['adam-64M-1', 0.95],
			['adam-64M-2', 0.95],
		],
	},
	{
		metric: 'statistics_over_none',
		numerator: 'ganno',
		denominator: 'ganno-no-statistics',
		relation: '<=',
		bounds: [
			['adam-16K-1', 1.5],
			['adam-1M-1', 1.35],
			['adam-1M-2', 1.35],
			['adam-64M-1', 1.05],
			['adam-64M-2', 1.05],
			[POPULATION, 1.6],
		],
	},
	{
		metric: 'speed_over_pytorch_norms',
		numerator: 'pytorch-norms',
		denominator: 'ganno',
		relation: '>=',
		bounds: [],
	},
	{
		metric: 'speed_over_pytorch_all',
		numerator: 'pytorch-all',
		denominator: 'ganno',
		relation: '>=',
		bounds: [
			['adam-1M-1', 4],
			['adam-1M-2', 4],
		],
	},
	{
		metric: 'speed_over_tfjs_wasm',
		numerator: 'tfjs-wasm',
		denominator: 'ganno',
		relation: '>=',
		bounds: [['adam-1M-1', 15]],
	},
	{ metric: 'speed_over_tfjs_cpu', numerator: 'tfjs-cpu', denominator: 'ganno', relation: '>=', bounds: [] },
	{
		metric: 'speed_without_statistics_over_pytorch',
		numerator: 'pytorch',
		denominator: 'ganno-no-statistics',
		relation: '>=',
		bounds: [],
	},
];

const OVERHEAD_BOUND = 1; // microseconds

/**
 * Rows of quotients, and the bounds on them. A bound whose case was left out by choice is left out too.
 * @param where what they were measured on
 */
export function ratioRows(
	ratios: readonly Ratio[],
	results: readonly CaseResult[],
	where: string,
): { rows: Row[]; targets: Target[] } {
	const rows: Row[] = [];
	const targets: Target[] = [];
	for (const { metric, numerator, denominator, relation, bounds } of ratios) {
		for (const result of results) {
			const found = roundRatios(result, numerator, denominator);
			if (found !== undefined) {
				const label = { case: result.one.name, contender: denominator, metric, unit: '1' };
				rows.push(measured(metric === 'statistics_over_none' ? { ...label, contender: 'ganno' } : label, found));
			}
			const bound = bounds.find(([name]) => name === result.one.name);
			if (bound === undefined) continue;
			const value = found === undefined ? null : median(found);
			targets.push(target(`${result.one.name}: ${metric} (${where})`, relation, bound[1], value));
		}
	}
	return { rows, targets };
}

/** Rows of the quotients, and what is promised of them and of a call's overhead. */
export function compare(results: readonly CaseResult[], tier: string): { rows: Row[]; targets: Target[] } {
	const { rows, targets } = ratioRows(RATIOS, results, tier);
	for (const name of [OVERHEAD, EMPTY_OVERHEAD]) {
		const result = results.find(({ one }) => one.name === name);
		if (result === undefined) continue;
		const overhead = result.times.get('ganno-no-statistics');
		const value = overhead === undefined ? null : median(overhead);
		targets.push(target(`${name}: microseconds a call without statistics`, '<=', OVERHEAD_BOUND, value));
	}
	return { rows, targets };
}

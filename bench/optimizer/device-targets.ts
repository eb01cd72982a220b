import { measured, type Row, type Target } from '../support/report.js';
import { BYTES_PER_PARAMETER, DEVICE_POPULATION } from './device-cases.js';
import type { CaseResult } from './measure.js';
import { type Ratio, ratioRows } from './targets.js';

/** What is promised of steps on a CUDA device. */
const DEVICE_RATIOS: readonly Ratio[] = [
	{
		metric: 'share_of_copy_bandwidth',
		numerator: 'copy-ceiling',
		denominator: 'ganno',
		relation: '>=',
		bounds: [
			['adam-30M', 0.9],
			['adam-64M', 0.9],
			['adam-100M', 0.9],
		],
	},
	{
		metric: 'share_of_copy_bandwidth_without_statistics',
		numerator: 'copy-ceiling',
		denominator: 'ganno-no-statistics',
		relation: '>=',
		bounds: [],
	},
	{
		metric: 'share_of_copy_bandwidth_by_calls',
		numerator: 'copy-ceiling',
		denominator: 'ganno-calls',
		relation: '>=',
		bounds: [],
	},
	{
		metric: 'statistics_over_none',
		numerator: 'ganno',
		denominator: 'ganno-no-statistics',
		relation: '<=',
		bounds: [],
	},
	{
		metric: 'speed_without_statistics_over_pytorch',
		numerator: 'pytorch',
		denominator: 'ganno-no-statistics',
		relation: '>=',
		bounds: [],
	},
	{
		metric: 'speed_over_pytorch_norms',
		numerator: 'pytorch-norms',
		denominator: 'ganno',
		relation: '>=',
		bounds: [
			['adam-30M', 2],
			['adam-64M', 2],
			['adam-100M', 2],
			[DEVICE_POPULATION, 5],
		],
	},
	{
		metric: 'speed_over_pytorch_all',
		numerator: 'pytorch-all',
		denominator: 'ganno',
		relation: '>=',
		bounds: [
			['adam-30M', 3],
			['adam-64M', 3],
			['adam-100M', 3],
			[DEVICE_POPULATION, 5],
		],
	},
	{
		metric: 'speed_over_pytorch_stacked_norms',
		numerator: 'pytorch-stacked-norms',
		denominator: 'ganno',
		relation: '>=',
		bounds: [],
	},
	{
		metric: 'speed_over_pytorch_stacked_all',
		numerator: 'pytorch-stacked-all',
		denominator: 'ganno',
		relation: '>=',
		bounds: [],
	},
];

/** Bytes moved a second by ganno's contenders on the other algorithms: no copy of as many bytes is measured for them. */
function bandwidthRows({ one, times }: CaseResult): Row[] {
	const bytes = BYTES_PER_PARAMETER[one.algorithm];
	if (one.algorithm === 'adam') return []; // measure.ts reports it
	return [...times].map(([contender, samples]) =>
		measured(
			{ case: one.name, contender, metric: 'gigabytes_per_second', unit: 'GB/s' },
			samples.map((nanoseconds) => bytes / nanoseconds),
			`${bytes} bytes a parameter`,
		),
	);
}

/** Rows of the quotients, and what is promised of them. A bound whose case was left out by choice is left out too. */
export function compareOnDevice(results: readonly CaseResult[], model: string): { rows: Row[]; targets: Target[] } {
	const { rows, targets } = ratioRows(DEVICE_RATIOS, results, model);
	for (const result of results) rows.push(...bandwidthRows(result));
	return { rows, targets };
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { counted } from '../counted.js';
import type { ReportSeries } from '../report/line-chart.js';
import { writeReport } from '../report/report-page.js';
import type { ReportTable } from '../report/text-table.js';
import { type MetricsRecord, RUN_FILES, readMetrics } from '../runs/run-directory.js';
import type { EvaluationTable } from './evaluation-result.js';
import { evaluationCells, evaluationNotes, kindCaption, kindCells, kindNotes } from './evaluation-table.js';

/** The curves of a report: key of the metrics, name, unit, and the key of the band around it. */
const CURVES: readonly {
	readonly key: string;
	readonly name: string;
	readonly unit: string;
	readonly error?: string;
}[] = [
	{ key: 'return', name: 'Return', unit: 'ln V0 − ln V', error: 'returnStandardError' },
	{ key: 'finalValidationAccuracy', name: 'Final validation accuracy', unit: '' },
	{ key: 'divergedShare', name: 'Networks that diverged', unit: 'share' },
	{ key: 'entropy', name: "Entropy of the agents' policy", unit: 'nats' },
	{ key: 'explainedVariance', name: 'Explained variance of the critic', unit: '' },
	{ key: 'approximateKl', name: 'Approximate KL divergence', unit: 'nats' },
	{ key: 'networkStepsPerSecond', name: 'Speed', unit: 'optimiser steps per second' },
	{ key: 'learnerShare', name: "Learner's share of the time", unit: '' },
];

function series(records: readonly MetricsRecord[]): ReportSeries[] {
	return CURVES.flatMap(({ key, name, unit, error }) => {
		const points = records.flatMap((record) => {
			const y = record[key];
			const band = error === undefined ? undefined : record[error];
			if (typeof y !== 'number') return [];
			return [{ x: record.iteration + 1, y, ...(typeof band === 'number' ? { error: band } : {}) }];
		});
		return points.length === 0 ? [] : [{ name, unit, points }];
	});
}

function evaluationTables(table: EvaluationTable): ReportTable[] {
	const kinds = kindCells(table);
	const about = kindNotes(table).join(' ');
	return [
		{
			caption: `Test accuracy in % by initial learning rate: ${table.dataset}, ${table.network}, ${table.optimizer}, ${counted(table.horizon, 'step')}`,
			...evaluationCells(table),
			note: [...evaluationNotes(table), ...(kinds === undefined ? [about] : [])].join(' ').trim(),
		},
		...(kinds === undefined ? [] : [{ caption: kindCaption(table), ...kinds, note: about }]),
	];
}

/**
 * Writes `report.html`: the evaluation's table, and the curves of the run where the folder holds one.
 * @returns its path
 */
export function writeRunReport(directory: string, evaluation: EvaluationTable | undefined): string {
	const metrics = join(directory, RUN_FILES.metrics);
	const records = existsSync(metrics) ? readMetrics(metrics) : [];
	const path = join(directory, RUN_FILES.report);
	const last = records.at(-1);
	writeReport(path, {
		title: 'Learned learning-rate schedules',
		description: [
			...(last === undefined ? [] : [`${counted(last.iteration + 1, 'iteration')} of meta-training.`]),
			...(evaluation === undefined ? [] : [`Evaluated on ${evaluation.dataset}, ${evaluation.seeds} held-out seeds.`]),
		],
		series: series(records),
		tables: evaluation === undefined ? [] : evaluationTables(evaluation),
	});
	return path;
}

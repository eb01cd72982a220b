import { join } from 'node:path';
import type { PolicySnapshot } from '../agents/policy.js';
import { type EvaluationTable, evaluatePolicy } from '../experiments/evaluate.js';
import { formatEvaluation } from '../experiments/evaluation-table.js';
import { RUN_FILES } from '../experiments/run-directory.js';
import { writeRunReport } from '../experiments/run-report.js';
import { writeFileAtomic } from '../files/atomic-write.js';
import { makeFolder } from '../files/make-folder.js';
import type { Session } from './training-session.js';

/**
 * Evaluates with progress and prints the table on stdout.
 * @param path what was evaluated: an interruption says how to evaluate it again
 */
export async function evaluateWithProgress(
	session: Session,
	policy: PolicySnapshot,
	path: string,
): Promise<EvaluationTable> {
	const { config, dataset, executor, signal, progress } = session;
	progress.stage(
		`Evaluating on ${dataset.name}: ${config.evaluation.learningRates.length} initial learning rates, ${config.evaluation.seeds} held-out seeds`,
	);
	try {
		const table = await evaluatePolicy({
			config,
			dataset,
			policy,
			executor,
			signal,
			onProgress: (done, total) => progress.update('episode', done, total),
		});
		progress.finish('Evaluation done');
		process.stdout.write(`\n${formatEvaluation(table)}\n\n`);
		return table;
	} catch (error) {
		if (signal.aborted) progress.finish(`Interrupted. Evaluate again with: ganno evaluate ${path}`);
		throw error;
	}
}

/** Writes everything an evaluation leaves behind. @returns what was written, in words and paths */
export function writeResults(
	directory: string,
	table: EvaluationTable,
): { readonly name: string; readonly path: string }[] {
	const evaluation = join(directory, RUN_FILES.evaluation);
	makeFolder(directory);
	writeFileAtomic(evaluation, `${JSON.stringify(table, undefined, 2)}\n`);
	return [
		{ name: 'Evaluation:', path: evaluation },
		{ name: 'Report:', path: writeRunReport(directory, table) },
	];
}

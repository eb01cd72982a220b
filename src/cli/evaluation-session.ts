import { join } from 'node:path';
import { counted } from '../counted.js';
import { GannoError } from '../errors.js';
import { evaluatePolicy } from '../evaluation/evaluate-policy.js';
import { type EvaluationTable, writeEvaluation } from '../evaluation/evaluation-result.js';
import { formatEvaluation } from '../evaluation/evaluation-table.js';
import { writeRunReport } from '../evaluation/run-report.js';
import { checkWritable } from '../files/atomic-write.js';
import type { FileLock } from '../files/lock-file.js';
import { makeFolder } from '../files/make-folder.js';
import type { PolicySnapshot } from '../policy/policy.js';
import { RUN_FILES } from '../runs/run-directory.js';
import { lockRunDirectory } from '../runs/run-lock.js';
import type { EvaluationRequest } from './evaluation-request.js';
import type { Session } from './training-session.js';

/** What a command has written, in a word and a path. */
export interface WrittenFile {
	readonly name: string;
	readonly path: string;
}

/**
 * Makes the folder that an evaluation's results go into and takes its lock; what cannot be written is told now, not after the work.
 * @throws GannoError `FILE_SYSTEM`, `RUN_LOCKED`
 */
export function openResults(directory: string): Disposable {
	let lock: FileLock | undefined;
	try {
		makeFolder(directory);
		lock = lockRunDirectory(directory, '--output');
		for (const name of [RUN_FILES.evaluation, RUN_FILES.report]) checkWritable(join(directory, name));
		return lock;
	} catch (error) {
		lock?.release();
		if (!(error instanceof GannoError) || error.code !== 'FILE_SYSTEM') throw error;
		throw new GannoError('FILE_SYSTEM', `${error.message} --output writes the results elsewhere.`, { cause: error });
	}
}

/**
 * Evaluates with progress, writes the results, and prints the table on stdout.
 * @param again the command that does the same again, for an interruption to print
 * @param output a folder that is locked, or none
 * @param request what beside the settings was asked for
 */
export async function evaluateWithProgress(
	session: Session,
	policy: PolicySnapshot,
	again: string,
	output: string | undefined,
	{ controllers = {}, kinds, remarks = [] }: Partial<EvaluationRequest> = { kinds: 'each' },
): Promise<WrittenFile[]> {
	const { config, dataset, executor, signal, progress } = session;
	progress.stage(
		`Evaluating on ${dataset.name}: ${counted(config.evaluation.learningRates.length, 'initial learning rate')}, ${counted(config.evaluation.seeds, 'held-out seed')}`,
	);
	for (const remark of remarks) progress.finish(remark);
	try {
		const table = await evaluatePolicy({
			config,
			dataset,
			policy,
			executor,
			controllers,
			...(kinds === undefined ? {} : { kinds }),
			signal,
			onProgress: (done, total) => progress.update('episode', done, total),
		});
		// Into files first: nobody may be left to read the table.
		const written = output === undefined ? [] : writeResults(output, table);
		progress.finish('Evaluation done');
		process.stdout.write(`\n${formatEvaluation(table)}\n\n`);
		return written;
	} catch (error) {
		if (signal.aborted) progress.finish(`Interrupted. Evaluate again with: ${again}`);
		throw error;
	}
}

/** Writes everything an evaluation leaves behind. */
function writeResults(directory: string, table: EvaluationTable): WrittenFile[] {
	const evaluation = join(directory, RUN_FILES.evaluation);
	writeEvaluation(evaluation, table);
	return [
		{ name: 'Evaluation:', path: evaluation },
		{ name: 'Report:', path: writeRunReport(directory, table) },
	];
}

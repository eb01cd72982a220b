import { readFileSync } from 'node:fs';
import { writeFileAtomic } from '../files/atomic-write.js';
import { badFile, fileSystemError } from '../files/file-system-error.js';
import { checkVersion, VERSION } from '../files/migrations.js';
import type { EvaluationContender } from './evaluation-contenders.js';

/** What an evaluation of a policy found; `evaluation.json` of a run holds it. Accuracies are shares. */

export interface EvaluationCell {
	readonly learningRate: number;
	/** Of the test accuracy over the seeds. */
	readonly mean: number;
	readonly standardError: number;
	/** Networks that diverged. */
	readonly diverged: number;
	/** Test accuracy of each seed. */
	readonly accuracies: readonly number[];
}

export interface EvaluationRow {
	readonly contender: string;
	/** `learned`: a policy; `default`: a hand-made schedule; `own`: one of yours; `tuned`: from an initial learning rate that was tuned. */
	readonly kind: EvaluationContender['kind'] | 'tuned';
	readonly cells: readonly EvaluationCell[];
	/** Over the initial learning rates; the error is that of the seeds' own means, as the same seeds stand in every cell. */
	readonly mean: number;
	readonly standardError: number;
	/** Of a schedule of your own that was tuned, as the cosine was. */
	readonly tuning?: TuningRecord;
}

/** How a tuned schedule's initial learning rate was found. */
export interface TuningRecord {
	readonly learningRate: number;
	readonly grid: readonly {
		readonly learningRate: number;
		readonly validationAccuracy: number;
		readonly diverged: number;
	}[];
	readonly seeds: number;
	/** Child networks trained to find it. */
	readonly childRuns: number;
}

/** One network family under one optimiser, on tasks drawn as those of the run are. */
export interface EvaluationKind {
	readonly network: string;
	readonly optimizer: string;
	readonly rows: readonly EvaluationRow[];
	/** Of the cosine. */
	readonly tuning: TuningRecord;
}

/** The kinds of task that the config draws from: its network families × its optimisers. */
export interface EvaluationKinds {
	readonly families: number;
	readonly optimizers: number;
	/** Networks of a kind under each contender, each from every initial learning rate. */
	readonly networks: number;
	/** Those that were tested beside the table's own. */
	readonly shown: readonly EvaluationKind[];
	readonly leftOut: readonly Pick<EvaluationKind, 'network' | 'optimizer'>[];
}

export interface EvaluationTable {
	readonly dataset: string;
	readonly network: string;
	readonly optimizer: string;
	readonly batchSize: number;
	readonly horizon: number;
	readonly seeds: number;
	readonly learningRates: readonly number[];
	readonly rows: readonly EvaluationRow[];
	/** Of the cosine. */
	readonly tuning: TuningRecord;
	/** There where kinds were asked for. */
	readonly kinds?: EvaluationKinds;
	readonly seconds: number;
}

/** @throws GannoError `FILE_SYSTEM` */
export function writeEvaluation(path: string, table: EvaluationTable): void {
	const content = { format: 'ganno-evaluation', version: VERSION, ...table };
	writeFileAtomic(path, `${JSON.stringify(content, undefined, 2)}\n`);
}

/**
 * Reads an `evaluation.json`; those of ganno 0.1 state no version and hold the same.
 * @throws GannoError `FILE_SYSTEM`, `BAD_FILE`
 */
export function readEvaluation(path: string): EvaluationTable {
	let text: string;
	try {
		text = readFileSync(path, 'utf8');
	} catch (error) {
		throw fileSystemError('read', path, error);
	}
	let content: Record<string, unknown>;
	try {
		content = JSON.parse(text) as Record<string, unknown>;
	} catch (error) {
		throw badFile(path, 'it is not JSON', 'Evaluate the policy again', error);
	}
	const { format, version = 1, ...table } = content;
	if (format !== undefined && format !== 'ganno-evaluation') throw badFile(path, 'it is not an evaluation');
	checkVersion(path, 'ganno-evaluation', version);
	return table as unknown as EvaluationTable;
}

import { appendFileSync, existsSync, readdirSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, resolveConfig } from '../config/config.js';
import { type ConfigLayer, formatRunConfig, readConfigFile } from '../config/config-load.js';
import { withAbsoluteData, withRecordedData } from '../config/data-directory.js';
import { GannoError } from '../errors.js';
import { writeFileAtomic } from '../files/atomic-write.js';
import { fileSystemError } from '../files/file-system-error.js';
import type { FileLock } from '../files/lock-file.js';
import { makeFolder } from '../files/make-folder.js';
import { readSafetensors, type SafetensorsFile, type StoredTensor, writeSafetensors } from '../files/safetensors.js';
import { ganno } from '../own-command.js';
import { lockRunDirectory } from './run-lock.js';

/** One line of `metrics.jsonl`. */
export type MetricsRecord = Readonly<Record<string, number | string | boolean | null>> & { readonly iteration: number };

const CHECKPOINT = /^checkpoint-(\d+)\.safetensors$/;

export const RUN_FILES = {
	config: 'config.json',
	metrics: 'metrics.jsonl',
	policy: 'policy.safetensors',
	initialPolicy: 'initial-policy.safetensors',
	evaluation: 'evaluation.json',
	report: 'report.html',
} as const;

/**
 * Everything a run leaves behind, in one folder, held by one process at a time. Whole files are written atomically; the metrics are
 * appended line by line, and a resumed run first drops the lines that came after its checkpoint.
 */
export class RunDirectory implements Disposable {
	readonly path: string;
	readonly #lock: FileLock;
	#config: Config;

	private constructor(path: string, config: Config, lock: FileLock) {
		this.path = path;
		this.#config = config;
		this.#lock = lock;
	}

	/** As its config.json has it: `dataDirectory` absolute, so that the run goes on from any folder. */
	get config(): Config {
		return this.#config;
	}

	/**
	 * A new run.
	 * @throws GannoError `INVALID_ARGUMENT` where a run lies already, `RUN_LOCKED`, `FILE_SYSTEM`
	 */
	static create(path: string, given: Config): RunDirectory {
		const config = withAbsoluteData(given);
		makeFolder(path);
		const lock = lockRunDirectory(path);
		try {
			// A run that failed before its first update (no such device, no data set) has nothing to lose or to resume.
			const begun = existsSync(join(path, RUN_FILES.metrics)) || listCheckpoints(path).length > 0;
			if (existsSync(join(path, RUN_FILES.config)) && begun) {
				throw new GannoError(
					'INVALID_ARGUMENT',
					`There is a run in ${path} already. Choose another --run-dir, or continue it with: ${ganno`train --resume ${path}`}`,
				);
			}
			writeConfig(path, config);
			return new RunDirectory(path, config, lock);
		} catch (error) {
			lock.release();
			throw error;
		}
	}

	/**
	 * A run that exists, to go on with.
	 * @param changes settings that differ from now on; kept in its config.json
	 * @throws GannoError `FILE_SYSTEM` where there is none, `INVALID_CONFIG`, `RUN_LOCKED`; `DATASET_NOT_FOUND` for a run of ganno 0.1
	 *   whose relative `dataDirectory` is not there
	 */
	static open(path: string, changes: ConfigLayer = { source: 'the command line', values: {} }): RunDirectory {
		const config = withRecordedData(readRunConfig(path, changes), path, changes);
		const lock = lockRunDirectory(path);
		try {
			if (Object.keys(changes.values).length > 0) writeConfig(path, config);
			return new RunDirectory(path, config, lock);
		} catch (error) {
			lock.release();
			throw error;
		}
	}

	file(name: keyof typeof RUN_FILES): string {
		return join(this.path, RUN_FILES[name]);
	}

	/** Keeps settings that were found out after the run was made. */
	settle(config: Config): void {
		writeConfig(this.path, config);
		this.#config = config;
	}

	appendMetrics(record: MetricsRecord): void {
		const path = this.file('metrics');
		try {
			// On the disk before the checkpoint that will refer to it.
			appendFileSync(path, `${JSON.stringify(record)}\n`, { flush: true });
		} catch (error) {
			throw fileSystemError('append to', path, error);
		}
	}

	/** The lines of iterations before `iteration`; undefined where there is no file of metrics. */
	metricsBefore(iteration: number): MetricsRecord[] | undefined {
		const path = this.file('metrics');
		if (!existsSync(path)) return undefined;
		return readMetrics(path).filter((record) => record.iteration < iteration);
	}

	/** Drops the lines of iterations from `iteration` on: they will be run again. */
	truncateMetrics(iteration: number): void {
		const kept = this.metricsBefore(iteration);
		if (kept === undefined) return;
		const path = this.file('metrics');
		writeFileAtomic(path, kept.map((record) => `${JSON.stringify(record)}\n`).join(''));
	}

	/**
	 * Writes the state after `iteration` updates and deletes all but the last few.
	 * @returns its path
	 */
	writeCheckpoint(
		iteration: number,
		tensors: readonly StoredTensor[],
		metadata: Readonly<Record<string, string>>,
	): string {
		const path = join(this.path, `checkpoint-${String(iteration).padStart(6, '0')}.safetensors`);
		writeSafetensors(path, tensors, { ...metadata, iteration: String(iteration) });
		for (const old of listCheckpoints(this.path).slice(0, -this.config.checkpoint.keep)) {
			if (old.path !== path) ignoreMissing(() => unlinkSync(old.path));
		}
		return path;
	}

	/** Frees the directory for the next process. Idempotent. */
	close(): void {
		this.#lock.release();
	}

	[Symbol.dispose](): void {
		this.close();
	}
}

export interface CheckpointFile {
	/** Updates done when it was written. */
	readonly iteration: number;
	readonly path: string;
}

/** Checkpoints of a run directory, oldest first. */
export function listCheckpoints(directory: string): CheckpointFile[] {
	let names: string[];
	try {
		names = readdirSync(directory);
	} catch (error) {
		throw fileSystemError('read', directory, error);
	}
	return names
		.flatMap((name) => {
			const digits = CHECKPOINT.exec(name)?.[1];
			return digits === undefined ? [] : [{ iteration: Number(digits), path: join(directory, name) }];
		})
		.sort((a, b) => a.iteration - b.iteration);
}

/** The newest checkpoint, or none. @throws GannoError `BAD_FILE` when it is damaged */
export function readLatestCheckpoint(directory: string): (CheckpointFile & SafetensorsFile) | undefined {
	const [latest, before] = listCheckpoints(directory).reverse();
	if (latest === undefined) return undefined;
	try {
		return { ...latest, ...readSafetensors(latest.path) };
	} catch (error) {
		if (!(error instanceof GannoError) || error.code !== 'BAD_FILE') throw error;
		const from = before === undefined ? 'its beginning' : before.path;
		throw new GannoError('BAD_FILE', `${error.message} Or delete it: the run then goes on from ${from}.`, {
			cause: error,
		});
	}
}

/** The config a run was started with, as resolved then. */
export function readRunConfig(directory: string, ...changes: readonly ConfigLayer[]): Config {
	const path = join(directory, RUN_FILES.config);
	if (!existsSync(path)) {
		throw new GannoError(
			'FILE_SYSTEM',
			`There is no run in ${directory}: ${path} is missing. Give the directory of a run that ganno train has written.`,
		);
	}
	return resolveConfig([readConfigFile(path, 'ganno-run'), ...changes]);
}

/** The records of a metrics file; a last line that a killed process left half-written is dropped. */
export function readMetrics(path: string): MetricsRecord[] {
	let text: string;
	try {
		text = readFileSync(path, 'utf8');
	} catch (error) {
		throw fileSystemError('read', path, error);
	}
	const lines = text.split('\n');
	return lines.flatMap((line, index) => {
		if (line === '') return [];
		try {
			return [JSON.parse(line) as MetricsRecord];
		} catch (error) {
			if (index >= lines.length - 2) return [];
			throw new GannoError('BAD_FILE', `${path}: line ${index + 1} is no JSON. Remove that line.`, { cause: error });
		}
	});
}

function writeConfig(directory: string, config: Config): void {
	writeFileAtomic(join(directory, RUN_FILES.config), formatRunConfig('ganno-run', config));
}

function ignoreMissing(action: () => void): void {
	try {
		action();
	} catch {
		// An old checkpoint that cannot be deleted costs space, not the run.
	}
}

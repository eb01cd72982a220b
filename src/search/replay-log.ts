import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { badFile, fileSystemError } from '../files/file-system-error.js';

/** A model of a search, a line of the log. Nothing in it depends on the machine's speed: two runs of one search give the same lines. */
export interface SearchEntry {
	/** Place in the order of issue, from 0. */
	readonly model: number;
	/** In the paper's notation. */
	readonly architecture: string;
	/** ε it was chosen with. */
	readonly epsilon: number;
	/** The reward: the best epoch's validation accuracy; null when it could not be trained (out of memory), and then it teaches nothing. */
	readonly accuracy: number | null;
	/** The earlier model of the same architecture, whose accuracy this is; absent: it was trained. */
	readonly repeats?: number;
	/** How it was trained; absent in a repetition. */
	readonly training?: ModelTraining;
}

export interface ModelTraining {
	/** uint32: weights, slice, batches and dropout follow from it. */
	readonly seed: number;
	/** Of the last try. */
	readonly learningRate: number;
	readonly tries: number;
	/** Validation accuracy after each epoch of the last try; fewer than all where it was stopped. */
	readonly accuracies: readonly number[];
	/** Why there is no accuracy, or less training than others have had. */
	readonly remark?: string;
}

/**
 * The log of a search, JSON line by line, append-only: each line is on the disk before the search goes on. A last line that a killed
 * process left unfinished is dropped; the model is trained again.
 */
export class ReplayLog implements Disposable {
	readonly path: string;
	/** What was there when it was opened. */
	readonly entries: readonly SearchEntry[];
	#file: number | undefined;

	/** @throws GannoError `FILE_SYSTEM`; `BAD_FILE` where a line, the last apart, is none of a log */
	constructor(path: string) {
		this.path = path;
		try {
			this.#file = openSync(path, 'a+');
		} catch (error) {
			throw fileSystemError('open', path, error);
		}
		try {
			const { entries, bytes } = readEntries(path);
			this.entries = entries;
			ftruncateSync(this.#file, bytes);
		} catch (error) {
			this[Symbol.dispose]();
			throw error;
		}
	}

	append(entry: SearchEntry): void {
		if (this.#file === undefined) throw badFile(this.path, 'the log was closed');
		const line = Buffer.from(`${JSON.stringify(entry)}\n`);
		try {
			for (let done = 0; done < line.length; ) done += writeSync(this.#file, line, done);
			fsyncSync(this.#file);
		} catch (error) {
			throw fileSystemError('write', this.path, error, 'The models before this one are kept');
		}
	}

	[Symbol.dispose](): void {
		if (this.#file !== undefined) closeSync(this.#file);
		this.#file = undefined;
	}
}

/** The entries of a log. @returns also the bytes of its whole lines */
export function readEntries(path: string): { entries: SearchEntry[]; bytes: number } {
	let text: string;
	try {
		text = readFileSync(path, 'utf8');
	} catch (error) {
		throw fileSystemError('read', path, error);
	}
	const entries: SearchEntry[] = [];
	let bytes = 0;
	const lines = text.split('\n');
	for (const line of lines.slice(0, -1)) {
		const entry = parseEntry(line);
		if (entry === undefined || entry.model !== entries.length) {
			// A power cut may leave the last line there and its bytes not.
			if (entries.length === lines.length - 2) break;
			throw badFile(
				path,
				`line ${entries.length + 1} is not model ${entries.length} of a search`,
				'Restore it, or begin anew',
			);
		}
		entries.push(entry);
		bytes += Buffer.byteLength(line) + 1;
	}
	return { entries, bytes };
}

function parseEntry(line: string): SearchEntry | undefined {
	try {
		const entry = JSON.parse(line) as SearchEntry | null;
		const { accuracy, architecture } = entry ?? {};
		const paid = accuracy === null || (typeof accuracy === 'number' && accuracy >= 0 && accuracy <= 1);
		return paid && typeof architecture === 'string' ? (entry as SearchEntry) : undefined;
	} catch {
		return undefined;
	}
}

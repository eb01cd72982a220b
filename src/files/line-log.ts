import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { badFile, fileSystemError } from './file-system-error.js';

/** What a line of a log must be. */
export interface LineFormat<T> {
	/** @returns undefined for what is none of this log */
	parse(value: unknown, index: number): T | undefined;
	/** What the line with this index (from 0) should have been, as it reads after "is not". */
	expected(index: number): string;
	/** What is safe, as it reads after an error that says a line was not written. */
	readonly kept: string;
}

/**
 * JSON line by line, append-only: each line is on the disk before `append` returns, so that a killed process loses only what was
 * under way. A last line that it left unfinished is dropped when the log is opened again.
 */
export class LineLog<T> implements Disposable {
	readonly path: string;
	/** What was there when it was opened. */
	readonly entries: readonly T[];
	readonly #kept: string;
	#file: number | undefined;

	/** @throws GannoError `FILE_SYSTEM`; `BAD_FILE` where a line, the last apart, is none of this log */
	constructor(path: string, format: LineFormat<T>) {
		this.path = path;
		this.#kept = format.kept;
		try {
			this.#file = openSync(path, 'a+');
		} catch (error) {
			throw fileSystemError('open', path, error);
		}
		try {
			const { entries, bytes } = readLines(path, format);
			this.entries = entries;
			ftruncateSync(this.#file, bytes);
		} catch (error) {
			this[Symbol.dispose]();
			throw error;
		}
	}

	append(entry: T): void {
		if (this.#file === undefined) throw badFile(this.path, 'the log was closed');
		const line = Buffer.from(`${JSON.stringify(entry)}\n`);
		try {
			for (let done = 0; done < line.length; ) done += writeSync(this.#file, line, done);
			fsyncSync(this.#file);
		} catch (error) {
			throw fileSystemError('write', this.path, error, this.#kept);
		}
	}

	[Symbol.dispose](): void {
		if (this.#file !== undefined) closeSync(this.#file);
		this.#file = undefined;
	}
}

/** The entries of a log. @returns also the bytes of its whole lines */
export function readLines<T>(path: string, format: LineFormat<T>): { entries: T[]; bytes: number } {
	let text: string;
	try {
		text = readFileSync(path, 'utf8');
	} catch (error) {
		throw fileSystemError('read', path, error);
	}
	const entries: T[] = [];
	let bytes = 0;
	const lines = text.split('\n');
	for (const line of lines.slice(0, -1)) {
		const index = entries.length;
		const entry = parseLine(line, index, format);
		if (entry === undefined) {
			// A power cut may leave the last line there and its bytes not.
			if (index === lines.length - 2) break;
			throw badFile(path, `line ${index + 1} is not ${format.expected(index)}`, 'Restore it, or begin anew');
		}
		entries.push(entry);
		bytes += Buffer.byteLength(line) + 1;
	}
	return { entries, bytes };
}

function parseLine<T>(line: string, index: number, format: LineFormat<T>): T | undefined {
	let value: unknown;
	try {
		value = JSON.parse(line);
	} catch {
		return undefined;
	}
	return typeof value === 'object' && value !== null ? format.parse(value, index) : undefined;
}

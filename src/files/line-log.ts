import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { badFile, fileSystemError } from './file-system-error.js';

/** The format of a log's lines. */
export interface LineFormat<T> {
	/** @returns undefined for a line that is not of this log */
	parse(value: unknown, index: number): T | undefined;
	/** The expected content of the line with this index (from 0), as it reads after "is not". */
	expected(index: number): string;
	/** What is kept when a line could not be written: a sentence for the error. */
	readonly kept: string;
}

/** The origin of a log, as plain JSON, recorded in its first line. */
export interface LineLogOrigin {
	readonly value: object;
	/** Throws where the recorded origin differs from this one. */
	compare(recorded: unknown, path: string): void;
}

/**
 * JSON line by line, append-only: each line is on the disk before `append` returns, so that a killed process loses only its
 * unfinished work. A last line that it left unfinished is dropped when the log is opened again. Every line ends with a `check`, part of a
 * SHA-256 of itself and the log's origin: a line that was changed, or is of another log, is refused.
 */
export class LineLog<T extends object> implements Disposable {
	readonly path: string;
	/** The lines present when it was opened. */
	readonly entries: readonly T[];
	/** How many of them were written without checks by an early version of ganno: their origin, and whether they were changed, is unknown. */
	readonly unchecked: number;
	readonly #kept: string;
	readonly #origin: object | undefined;
	/** Of the next line; undefined where that is the first with a check. */
	#key: string | undefined;
	#file: number | undefined;

	/** @throws GannoError `FILE_SYSTEM`; `BAD_FILE` where a line except the last is not of this log; errors of the origin's `compare` */
	constructor(path: string, format: LineFormat<T>, origin?: LineLogOrigin) {
		this.path = path;
		this.#kept = format.kept;
		this.#origin = origin?.value;
		try {
			this.#file = openSync(path, 'a+');
		} catch (error) {
			throw fileSystemError('open', path, error);
		}
		try {
			const lines = readLines(path, format);
			if (lines.origin !== undefined) origin?.compare(lines.origin, path);
			this.entries = lines.entries;
			this.unchecked = lines.unchecked;
			this.#key = lines.key;
			ftruncateSync(this.#file, lines.bytes);
		} catch (error) {
			this[Symbol.dispose]();
			throw error;
		}
	}

	append(entry: T): void {
		if (this.#file === undefined) throw badFile(this.path, 'the log was closed');
		const isFirst = this.#key === undefined;
		const content = isFirst && this.#origin !== undefined ? { ...entry, origin: this.#origin } : entry;
		const key = this.#key ?? keyOf(this.#origin);
		const line = Buffer.from(`${JSON.stringify({ ...content, check: checkOf(content, key) })}\n`);
		try {
			for (let done = 0; done < line.length; ) done += writeSync(this.#file, line, done);
			fsyncSync(this.#file);
		} catch (error) {
			throw fileSystemError('write', this.path, error, this.#kept);
		}
		this.#key = key;
	}

	[Symbol.dispose](): void {
		if (this.#file !== undefined) closeSync(this.#file);
		this.#file = undefined;
	}
}

/** A warning about lines without checks. */
export function uncheckedLines({ path, unchecked }: Pick<LineLog<object>, 'path' | 'unchecked'>): string {
	const lines = unchecked === 1 ? 'The first line' : `The first ${unchecked} lines`;
	return `${lines} of ${path} ${unchecked === 1 ? 'is' : 'are'} of a version of ganno that kept neither settings and data nor checks, and taken as written.`;
}

function keyOf(origin: unknown): string {
	return origin === undefined ? '' : JSON.stringify(origin);
}

/** 64 bits protect against accidents and edits, not against forgery. */
function checkOf(content: object, key: string): string {
	return createHash('sha256')
		.update(`${key}\n${JSON.stringify(content)}`)
		.digest('hex')
		.slice(0, 16);
}

export interface Lines<T> {
	readonly entries: T[];
	/** Of its whole lines. */
	readonly bytes: number;
	/** The origin recorded in its first line with a check. */
	readonly origin: unknown;
	/** Of further checks; undefined where no line has one. */
	readonly key: string | undefined;
	/** Lines before the first with a check. */
	readonly unchecked: number;
}

/** The lines of a log, each checked. @throws GannoError as {@link LineLog} */
export function readLines<T extends object>(path: string, format: LineFormat<T>): Lines<T> {
	let text: string;
	try {
		text = readFileSync(path, 'utf8');
	} catch (error) {
		throw fileSystemError('read', path, error);
	}
	const refuse = (index: number, problem: string) =>
		badFile(path, `line ${index + 1} ${problem}`, 'Restore it, or begin anew');
	const entries: T[] = [];
	let [bytes, unchecked] = [0, 0];
	let [key, origin]: [string | undefined, unknown] = [undefined, undefined];
	const lines = text.split('\n');
	for (const [index, line] of lines.slice(0, -1).entries()) {
		const value = parseLine(line);
		// After a power cut the last line may be present without its bytes.
		if (value === undefined && index === lines.length - 2) break;
		const { check, ...content } = value ?? {};
		const { origin: own, ...rest } = content;
		const entry = value === undefined ? undefined : format.parse(rest, index);
		if (entry === undefined) throw refuse(index, `is not ${format.expected(index)}`);
		if (check === undefined) {
			if (key !== undefined) throw refuse(index, 'was changed: it has no check, as the lines before it have');
			unchecked++;
		} else {
			if (key === undefined) [key, origin] = [keyOf(own), own];
			if (check !== checkOf(content, key)) throw refuse(index, 'was changed, or is of another log: its check is wrong');
		}
		entries.push(entry);
		bytes += Buffer.byteLength(line) + 1;
	}
	return { entries, bytes, origin, key, unchecked };
}

function parseLine(line: string): Record<string, unknown> | undefined {
	let value: unknown;
	try {
		value = JSON.parse(line);
	} catch {
		return undefined;
	}
	// A value other than an object is no line of any log: an empty object fits no format.
	return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

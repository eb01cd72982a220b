import { randomBytes } from 'node:crypto';
import {
	closeSync,
	fsyncSync,
	linkSync,
	openSync,
	realpathSync,
	renameSync,
	type Stats,
	statSync,
	unlinkSync,
	writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { checkPath } from '../arguments.js';
import { GannoError } from '../errors.js';
import { fileSystemError } from './file-system-error.js';

/**
 * Writes a whole file, or nothing: into a temporary file in the same folder, fsync, rename, fsync of the folder. A reader sees the
 * old content or the new, never a part; so does a machine that loses power. A symbolic link keeps pointing where it did; an
 * existing file keeps its permissions.
 * @param content the content, or its parts in order
 * @throws GannoError `FILE_SYSTEM` (full disk, no permission, no such folder, not a regular file): the old file is intact and
 *   nothing is left beside it.
 */
export function writeFileAtomic(
	path: string,
	content: string | NodeJS.ArrayBufferView | readonly NodeJS.ArrayBufferView[],
): void {
	checkPath(path, 'path');
	const existing = existingFile(path);
	const target = existing?.path ?? path;
	try {
		const temporary = writeTemporary(target, content, existing?.mode ?? 0o666);
		try {
			renameSync(temporary, target);
		} catch (error) {
			ignoreErrors(() => unlinkSync(temporary));
			throw error;
		}
		syncFolder(dirname(target));
	} catch (error) {
		const consequence = existing === undefined ? 'Nothing was written' : 'The old file is unchanged';
		throw fileSystemError('write', path, error, consequence);
	}
}

/**
 * Makes a file unless one of that name is there; of several processes that try, one does. It appears with its content, save on a file
 * system without hard links, where it is empty for a moment.
 * @returns whether it was made
 * @throws GannoError `FILE_SYSTEM`: nothing is left behind
 */
export function createFileAtomic(path: string, content: string): boolean {
	try {
		const temporary = writeTemporary(path, content, 0o666);
		try {
			linkSync(temporary, path);
		} catch (error) {
			if (isExisting(error)) return false;
			// No hard links here (FAT, some network file systems), or another fault, which this reports.
			return createExclusively(path, content);
		} finally {
			ignoreErrors(() => unlinkSync(temporary));
		}
		syncFolder(dirname(path));
		return true;
	} catch (error) {
		throw fileSystemError('write', path, error, 'Nothing was written');
	}
}

/**
 * Reports before a long computation the errors that {@link writeFileAtomic} would report after it. Changes nothing.
 * @throws GannoError `FILE_SYSTEM`
 */
export function checkWritable(path: string): void {
	checkPath(path, 'path');
	const target = existingFile(path)?.path ?? path;
	try {
		unlinkSync(writeTemporary(target, '', 0o666));
	} catch (error) {
		throw fileSystemError('write', path, error, 'Nothing was written');
	}
}

/** @returns the path of a file beside `target` that holds the content, on the disk */
function writeTemporary(
	target: string,
	content: string | NodeJS.ArrayBufferView | readonly NodeJS.ArrayBufferView[],
	mode: number,
): string {
	// Random, so that each of two processes that write the same file has its own.
	const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
	writeNew(temporary, content, mode);
	return temporary;
}

/** As `createFileAtomic`, its content following a moment later. */
function createExclusively(path: string, content: string): boolean {
	try {
		writeNew(path, content, 0o666);
		return true;
	} catch (error) {
		if (isExisting(error)) return false;
		throw error;
	}
}

/** Writes a file that must not be there, to the disk; leaves none when it fails. */
function writeNew(
	path: string,
	content: string | NodeJS.ArrayBufferView | readonly NodeJS.ArrayBufferView[],
	mode: number,
): void {
	const parts: readonly NodeJS.ArrayBufferView[] =
		typeof content === 'string' ? [Buffer.from(content, 'utf8')] : Array.isArray(content) ? content : [content];
	let file: number | undefined = openSync(path, 'wx', mode);
	try {
		for (const part of parts) writeFully(file, part);
		fsyncSync(file);
		closeSync(file);
		file = undefined;
	} catch (error) {
		if (file !== undefined) ignoreErrors(() => closeSync(file as number));
		ignoreErrors(() => unlinkSync(path));
		throw error;
	}
}

function isExisting(error: unknown): boolean {
	return (error as NodeJS.ErrnoException).code === 'EEXIST';
}

function existingFile(path: string): { path: string; mode: number } | undefined {
	let stats: Stats | undefined;
	let target: string;
	try {
		stats = statSync(path, { throwIfNoEntry: false });
		if (stats === undefined) return undefined;
		target = realpathSync(path);
	} catch (error) {
		throw fileSystemError('write', path, error, 'Nothing was written');
	}
	// A rename over /dev/null or a folder would do harm or fail half-way.
	if (!stats.isFile()) {
		throw new GannoError(
			'FILE_SYSTEM',
			`Could not write ${path}: it exists and is not a regular file. Nothing was written. Choose another path.`,
		);
	}
	return { path: target, mode: stats.mode & 0o777 };
}

function writeFully(file: number, part: NodeJS.ArrayBufferView): void {
	const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
	// One write may take less than it was given (2 GiB limit, signals, a disk that is filling up).
	for (let offset = 0; offset < bytes.length; ) offset += writeSync(file, bytes, offset, bytes.length - offset);
}

/** Makes the rename itself durable. Not every system lets a folder be opened; there the rename is still atomic. */
function syncFolder(folder: string): void {
	ignoreErrors(() => {
		const handle = openSync(folder, 'r');
		try {
			fsyncSync(handle);
		} finally {
			closeSync(handle);
		}
	});
}

function ignoreErrors(action: () => void): void {
	try {
		action();
	} catch {
		// The first error is the one to report.
	}
}

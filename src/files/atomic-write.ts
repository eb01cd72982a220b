import { randomBytes } from 'node:crypto';
import {
	closeSync,
	fsyncSync,
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
	const parts: readonly NodeJS.ArrayBufferView[] =
		typeof content === 'string' ? [Buffer.from(content, 'utf8')] : Array.isArray(content) ? content : [content];
	const existing = existingFile(path);
	const target = existing?.path ?? path;
	// Random, so that two processes which write the same file each have their own.
	const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
	let file: number | undefined;
	let created = false;
	try {
		file = openSync(temporary, 'wx', existing?.mode ?? 0o666);
		created = true;
		for (const part of parts) writeFully(file, part);
		fsyncSync(file);
		closeSync(file);
		file = undefined;
		renameSync(temporary, target);
		created = false;
		syncFolder(dirname(target));
	} catch (error) {
		if (file !== undefined) ignoreErrors(() => closeSync(file as number));
		if (created) ignoreErrors(() => unlinkSync(temporary));
		const consequence = existing === undefined ? 'Nothing was written' : 'The old file is unchanged';
		throw fileSystemError('write', path, error, consequence);
	}
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

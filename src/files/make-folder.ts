import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileSystemError } from './file-system-error.js';

/**
 * Makes a folder and those above it, where they are missing. Not `mkdir` with `recursive`: Node's never returns where a folder that
 * exists refuses new ones as if it did not (in /proc).
 * @throws GannoError `FILE_SYSTEM`, also where something else of that name is in the way
 */
export function makeFolder(path: string): void {
	makeFoldersAbove(path);
	try {
		mkdirSync(path);
	} catch (error) {
		if (!isExisting(error)) throw fileSystemError('create', path, error);
		checkIsFolder(path);
	}
}

/**
 * Makes a folder that was not there: `path`, or where that is taken `path-2`, `path-3` and so on.
 * @returns which; of several processes, each gets its own
 * @throws GannoError `FILE_SYSTEM`
 */
export function makeNewFolder(path: string): string {
	makeFoldersAbove(path);
	for (let number = 1; ; number++) {
		const candidate = number === 1 ? path : `${path}-${number}`;
		try {
			mkdirSync(candidate);
			return candidate;
		} catch (error) {
			if (!isExisting(error)) throw fileSystemError('create', candidate, error);
		}
	}
}

function makeFoldersAbove(path: string): void {
	const above = dirname(path);
	if (above !== path && !existsSync(above)) makeFolder(above);
}

function isExisting(error: unknown): boolean {
	return (error as NodeJS.ErrnoException).code === 'EEXIST';
}

function checkIsFolder(path: string): void {
	const stats = statSync(path, { throwIfNoEntry: false });
	if (stats?.isDirectory() === true) return;
	const [code, problem] =
		stats === undefined ? ['ENOENT', 'a link of that name leads nowhere'] : ['ENOTDIR', 'a file of that name is there'];
	throw fileSystemError('create', path, Object.assign(new Error(problem), { code }));
}

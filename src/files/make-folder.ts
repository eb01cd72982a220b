import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileSystemError } from './file-system-error.js';

/**
 * Makes a folder and those above it, where they are missing. Not `mkdir` with `recursive`: Node's never returns where a folder that
 * exists refuses new ones as if it did not (in /proc).
 * @throws GannoError `FILE_SYSTEM`
 */
export function makeFolder(path: string): void {
	const above = dirname(path);
	if (above !== path && !existsSync(above)) makeFolder(above);
	try {
		mkdirSync(path);
	} catch (error) {
		// A file of that name is told by whoever writes into the folder.
		if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw fileSystemError('create', path, error);
	}
}

import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GannoError } from '../errors.js';
import { ganno } from '../own-command.js';
import { isShippedPolicy, policyFile, SHIPPED_POLICIES } from '../policy/shipped-policies.js';
import { RUN_FILES } from './run-directory.js';

/**
 * The policy file meant by a path: the file itself, that of a run directory, or by its name one of the package.
 * @throws GannoError `FILE_SYSTEM` where there is none, with what could be given
 */
export function policyPath(path: string): string {
	if (isShippedPolicy(path)) return policyFile(path);
	const folder = isFolder(path);
	const file = folder ? join(path, RUN_FILES.policy) : path;
	if (existsSync(file)) return file;
	if (folder && existsSync(join(path, RUN_FILES.config))) {
		const again = ganno`train --resume ${path}`;
		throw new GannoError('FILE_SYSTEM', `The run in ${path} has no ${RUN_FILES.policy} yet. Finish it: ${again}`);
	}
	throw new GannoError(
		'FILE_SYSTEM',
		`There is no policy at ${file} (ENOENT). Give the path of a policy file or of a run directory, or the name of a policy of the package: ${SHIPPED_POLICIES.join(', ')}.`,
	);
}

/** The run directory that a policy is named by, where it is. */
export function runFolder(path: string): string | undefined {
	return !isShippedPolicy(path) && isFolder(path) ? path : undefined;
}

/** Whether the path is a folder; a missing one is not, and reading it will say so. */
function isFolder(path: string): boolean {
	return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

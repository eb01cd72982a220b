import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SHIPPED_POLICY, shippedPolicyPath } from '../agents/shipped-policy.js';
import { GannoError } from '../errors.js';
import { ganno } from '../own-command.js';
import { RUN_FILES } from './run-directory.js';

/**
 * The policy file meant by a path: the file itself, that of a run directory, or by the word `default` that of the package.
 * @throws GannoError `FILE_SYSTEM` where there is none, with what could be given
 */
export function policyPath(path: string): string {
	if (path === SHIPPED_POLICY) return shippedPolicyPath();
	const folder = isFolder(path);
	const file = folder ? join(path, RUN_FILES.policy) : path;
	if (existsSync(file)) return file;
	if (folder && existsSync(join(path, RUN_FILES.config))) {
		const again = ganno`train --resume ${path}`;
		throw new GannoError('FILE_SYSTEM', `The run in ${path} has no ${RUN_FILES.policy} yet. Finish it: ${again}`);
	}
	throw new GannoError(
		'FILE_SYSTEM',
		`There is no policy at ${file} (ENOENT). Give the path of a policy file or of a run directory, or '${SHIPPED_POLICY}' for the policy of the package.`,
	);
}

/** The run directory that a policy is named by, where it is. */
export function runFolder(path: string): string | undefined {
	return path !== SHIPPED_POLICY && isFolder(path) ? path : undefined;
}

/** Whether the path is a folder; a missing one is not, and reading it will say so. */
function isFolder(path: string): boolean {
	return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { isShippedPolicy, policyFile } from '../agents/shipped-policies.js';
import { RUN_FILES } from './run-directory.js';

/** The policy file meant by a path: the file itself, that of a run directory, or by its name one of the package. */
export function policyPath(path: string): string {
	return runFolder(path) === undefined ? policyFile(path) : join(path, RUN_FILES.policy);
}

/** The run directory that a policy is named by, where it is. */
export function runFolder(path: string): string | undefined {
	return !isShippedPolicy(path) && isFolder(path) ? path : undefined;
}

/** Whether the path is a folder; a missing one is not, and reading it will say so. */
function isFolder(path: string): boolean {
	return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

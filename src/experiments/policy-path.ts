import { statSync } from 'node:fs';
import { join } from 'node:path';
import { SHIPPED_POLICY, shippedPolicyPath } from '../agents/shipped-policy.js';
import { RUN_FILES } from './run-directory.js';

/** The policy file meant by a path: the file itself, that of a run directory, or by the word `default` that of the package. */
export function policyPath(path: string): string {
	if (path === SHIPPED_POLICY) return shippedPolicyPath();
	return isFolder(path) ? join(path, RUN_FILES.policy) : path;
}

/** The run directory that a policy is named by, where it is. */
export function runFolder(path: string): string | undefined {
	return path !== SHIPPED_POLICY && isFolder(path) ? path : undefined;
}

/** Whether the path is a folder; a missing one is not, and reading it will say so. */
function isFolder(path: string): boolean {
	return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { GannoError } from '../errors.js';
import { ganno } from '../own-command.js';
import { packageRoot, withBundlerAdvice } from '../package-files.js';

/** Names of the policies of the package, accepted in place of a path: each is a file of `policies/`. */
export const SHIPPED_POLICIES = ['default', 'one-action', 'adaptive-lr'] as const;

/** Whether it is the name of a policy of the package, not a path. */
export function isShippedPolicy(path: string): boolean {
	return (SHIPPED_POLICIES as readonly string[]).includes(path);
}

/**
 * The file meant by a path or the name of a policy of the package.
 * @throws GannoError `BAD_FILE` where the package is incomplete; `FILE_SYSTEM` for an unknown name
 */
export function policyFile(path: string): string {
	if (!isShippedPolicy(path)) {
		if (/^[\w-]+$/.test(path) && !existsSync(path)) {
			throw new GannoError(
				'FILE_SYSTEM',
				`There is no file '${path}', and no policy of that name in the package; it has ${SHIPPED_POLICIES.join(', ')}`,
			);
		}
		return path;
	}
	const file = join(packageRoot, 'policies', `${path}.safetensors`);
	if (existsSync(file)) return file;
	throw new GannoError(
		'BAD_FILE',
		withBundlerAdvice(
			`The policy of the package is missing: ${file} is not there. Install ganno again, or train a policy with ` +
				`'${ganno`train`}' and give the path of its policy.safetensors`,
		),
	);
}

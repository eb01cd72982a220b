import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { GannoError } from '../errors.js';
import { ganno } from '../own-command.js';
import { packageRoot, withBundlerAdvice } from '../package-files.js';

/** The word that stands for the policy of the package wherever a policy file is asked for. */
export const SHIPPED_POLICY = 'default';

const FILE = join('policies', 'default.safetensors');

/**
 * The path of the policy that comes with the package.
 * @throws GannoError `BAD_FILE` where the package is incomplete
 */
export function shippedPolicyPath(): string {
	const path = join(packageRoot, FILE);
	if (existsSync(path)) return path;
	throw new GannoError(
		'BAD_FILE',
		withBundlerAdvice(
			`The policy of the package is missing: ${path} is not there. Install ganno again, or train a policy with ` +
				`'${ganno`train`}' and give the path of its policy.safetensors`,
		),
	);
}

import { createHash } from 'node:crypto';
import type { PolicySnapshot } from './policy.js';

/**
 * SHA-256 of what a policy decides by: equal digests give equal learning rates.
 * @param beside what else it is run with, as plain JSON
 */
export function policyDigest(policy: PolicySnapshot, ...beside: readonly unknown[]): string {
	const { spec, parameters, normalizerMean, normalizerStandardDeviation } = policy;
	const hash = createHash('sha256').update(JSON.stringify([spec, ...beside]));
	for (const array of [parameters, normalizerMean, normalizerStandardDeviation]) hash.update(array);
	return hash.digest('hex');
}

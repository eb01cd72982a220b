import { createHash } from 'node:crypto';
import { policySpecVersion1 } from '../files/migrations.js';
import type { PolicySnapshot } from './policy.js';

/**
 * SHA-256 of a policy's spec and numbers: equal digests give equal learning rates. The spec is hashed in the words of format 1, so that
 * results and journals of ganno 0.1 name the same digests.
 * @param beside what else it is run with, as plain JSON
 */
export function policyDigest(policy: PolicySnapshot, ...beside: readonly unknown[]): string {
	const { spec, parameters, normalizerMean, normalizerStandardDeviation } = policy;
	const hash = createHash('sha256').update(JSON.stringify([policySpecVersion1({ ...spec }), ...beside]));
	for (const array of [parameters, normalizerMean, normalizerStandardDeviation]) hash.update(array);
	return hash.digest('hex');
}

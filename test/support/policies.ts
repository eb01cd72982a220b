import { PhiloxGenerator } from '../../src/philox.js';
import { actorParameterCount } from '../../src/policy/actor.js';
import type { PolicySnapshot, PolicySpec } from '../../src/policy/policy.js';

export function policySpec(changes: Partial<PolicySpec> = {}): PolicySpec {
	const network = changes.network ?? 'feed-forward';
	return {
		network,
		observation: 'layer-v1',
		observationSize: 23,
		action: 'compounding',
		actions: 9,
		hiddenUnits: network === 'feed-forward' ? 64 : 128,
		granularity: 'layer',
		...changes,
	};
}

export function uniformArray(length: number, scale: number, seed: number): Float32Array {
	const generator = new PhiloxGenerator(seed, 'policy');
	return Float32Array.from({ length }, () => generator.uniform(-scale, scale));
}

/** A policy with random weights and a normaliser that is not the identity. */
export function randomSnapshot(spec: PolicySpec, seed = 1): PolicySnapshot {
	return {
		spec,
		parameters: uniformArray(actorParameterCount(spec), 0.3, seed),
		normalizerMean: uniformArray(spec.observationSize, 1, seed + 1),
		normalizerStandardDeviation: uniformArray(spec.observationSize, 0.4, seed + 2).map((x) => x + 0.6),
	};
}

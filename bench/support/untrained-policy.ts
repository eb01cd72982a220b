import type { PolicySnapshot, PolicySpec } from 'ganno';
import { actorParameterCount } from '#ganno/policy/actor.js';

/** A policy of the default kind with small weights: what it decides costs the same as what a trained one decides. */
export function untrainedPolicy(): PolicySnapshot {
	const spec: PolicySpec = {
		network: 'feed-forward',
		observation: 'layer-v1',
		observationSize: 23,
		action: 'compounding',
		actions: 9,
		hiddenUnits: 64,
		granularity: 'layer',
	};
	const parameters = new Float32Array(actorParameterCount(spec));
	for (let i = 0; i < parameters.length; i++) parameters[i] = 0.05 * Math.sin(12.9898 * (i + 1));
	parameters[parameters.length - 9 + 4] = 3; // mostly neutral, so that no network leaves the episode early
	const normalizerStandardDeviation = new Float32Array(23).fill(1);
	return { spec, parameters, normalizerMean: new Float32Array(23), normalizerStandardDeviation };
}

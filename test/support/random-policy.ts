import { ACTION_COUNT } from '../../src/environment/actions/actions.js';
import { OBSERVATION_SIZE, OBSERVATION_VERSION } from '../../src/environment/observations/layer-observation.js';
import { PhiloxGenerator } from '../../src/philox.js';
import { actorParameterCount } from '../../src/policy/actor.js';
import type { PolicySnapshot, PolicySpec } from '../../src/policy/policy.js';

const shared = (values: Iterable<number>): Float32Array => {
	const list = Float32Array.from(values);
	const array = new Float32Array(new SharedArrayBuffer(list.byteLength));
	array.set(list);
	return array;
};

/** A small policy with random weights, over shared memory as a learner's. */
export function randomPolicy(network: PolicySpec['network'] = 'feed-forward', seed = 1): PolicySnapshot {
	const spec: PolicySpec = {
		network,
		observation: OBSERVATION_VERSION,
		observationSize: OBSERVATION_SIZE,
		action: 'compounding',
		actions: ACTION_COUNT,
		hiddenUnits: 8,
		granularity: 'layer',
	};
	const generator = new PhiloxGenerator(seed, 'policy');
	return {
		spec,
		parameters: shared(Array.from({ length: actorParameterCount(spec) }, () => 0.3 * generator.nextNormal())),
		normalizerMean: shared(Array.from({ length: OBSERVATION_SIZE }, () => 0)),
		normalizerStandardDeviation: shared(Array.from({ length: OBSERVATION_SIZE }, () => 1)),
	};
}

import { checkInteger, checkKeys, checkNumber, checkOneOf, invalidArgument, keysOf } from '../arguments.js';
import { GRANULARITIES } from '../environment/observations/observer.js';
import { removedValue } from '../removed-values.js';
import { GAUSSIAN_OUTPUTS } from './gaussian.js';
import type { NamedTensor, PolicySpec } from './policy.js';

/**
 * The tensors of actor and critic. Both have the same shape but for the input and the last layer:
 *
 * - feed-forward: tanh(H) → tanh(H) → outputs; two 64-unit tanh layers is PPO's classic network (Schulman et al. 2017, §6.1);
 * - recurrent: ReLU(H) → GRU(H) → ReLU(H) → outputs, the network of Mava's recurrent IPPO (rec_ippo, 128 units).
 *
 * Weights are `[inputs, outputs]`. The GRU is that of cuDNN, PyTorch and Flax (reset gate after the recurrent product), gates in the
 * order reset, update, candidate:
 *
 * ```text
 * r = σ(x Wr + h Ur + br)    z = σ(x Wz + h Uz + bz)    c = tanh(x Wc + bc + r ⊙ (h Uc + uc))    h' = (1 − z) ⊙ c + z ⊙ h
 * ```
 */

export interface TensorShape {
	readonly name: string;
	readonly shape: readonly number[];
}

/** Floats of a tensor of this shape. */
export function tensorSize(shape: readonly number[]): number {
	return shape.reduce((product, extent) => product * extent, 1);
}

/** Tensors of one network (`actor` or `critic`), in the order in which they lie in a flat parameter array. */
export function networkTensorShapes(
	prefix: string,
	network: PolicySpec['network'],
	inputs: number,
	hiddenUnits: number,
	outputs: number,
): TensorShape[] {
	const h = hiddenUnits;
	const dense = (name: string, from: number, to: number): TensorShape[] => [
		{ name: `${prefix}/${name}/kernel`, shape: [from, to] },
		{ name: `${prefix}/${name}/bias`, shape: [to] },
	];
	if (network === 'feed-forward') {
		return [...dense('hidden1', inputs, h), ...dense('hidden2', h, h), ...dense('output', h, outputs)];
	}
	return [
		...dense('before', inputs, h),
		{ name: `${prefix}/gru/kernel`, shape: [h, 3 * h] },
		{ name: `${prefix}/gru/bias`, shape: [3 * h] },
		{ name: `${prefix}/gru/recurrentKernel`, shape: [h, 3 * h] },
		{ name: `${prefix}/gru/candidateBias`, shape: [h] },
		...dense('after', h, h),
		...dense('output', h, outputs),
	];
}

/** The actor's tensors, in the order of `PolicySnapshot.parameters`. */
export function actorTensorShapes(spec: PolicySpec): TensorShape[] {
	return networkTensorShapes('actor', spec.network, spec.observationSize, spec.hiddenUnits, spec.actions);
}

/** Floats of all tensors together. */
export function totalSize(shapes: readonly TensorShape[]): number {
	return shapes.reduce((sum, tensor) => sum + tensorSize(tensor.shape), 0);
}

/** Length of `PolicySnapshot.parameters`. */
export function actorParameterCount(spec: PolicySpec): number {
	return totalSize(actorTensorShapes(spec));
}

/** Views of a flat parameter array, one a tensor. */
export function splitTensors(shapes: readonly TensorShape[], flat: Float32Array): NamedTensor[] {
	let offset = 0;
	return shapes.map(({ name, shape }) => {
		const size = tensorSize(shape);
		const data = flat.subarray(offset, offset + size);
		offset += size;
		return { name, shape, data };
	});
}

/** Floats of recurrent state per row. */
export function policyStateSize(spec: PolicySpec): number {
	return spec.network === 'recurrent' ? spec.hiddenUnits : 0;
}

const SPEC_KEYS = keysOf<PolicySpec>({
	network: true,
	observation: true,
	observationSize: true,
	action: true,
	actions: true,
	multiplier: true,
	hiddenUnits: true,
	granularity: true,
	secondControl: true,
});

/** Checks a spec from outside; unknown keys are refused, because a later version may have written them. @throws GannoError `INVALID_ARGUMENT` */
export function checkPolicySpec(spec: PolicySpec, name = 'spec'): PolicySpec {
	if (typeof spec !== 'object' || spec === null) throw invalidArgument('a policy spec', name, spec);
	checkKeys(spec, name, SPEC_KEYS);
	checkOneOf(spec.network, `${name}.network`, ['feed-forward', 'recurrent']);
	checkOneOf(spec.granularity, `${name}.granularity`, GRANULARITIES);
	if (typeof spec.observation !== 'string') throw invalidArgument('a string', `${name}.observation`, spec.observation);
	if (typeof spec.action !== 'string') throw invalidArgument('a string', `${name}.action`, spec.action);
	const removed = removedValue(`${name}.action`, spec.action);
	if (removed !== undefined) {
		throw invalidArgument('an action rule of this version', `${name}.action`, spec.action, removed);
	}
	checkInteger(spec.observationSize, `${name}.observationSize`, 1, 4096);
	checkInteger(spec.actions, `${name}.actions`, 2, 256); // actions travel as bytes
	if (spec.multiplier !== undefined) checkNumber(spec.multiplier, `${name}.multiplier`, 1 + 1e-6, 1000);
	if (spec.action === 'continuous') checkInteger(spec.actions, `${name}.actions`, GAUSSIAN_OUTPUTS, GAUSSIAN_OUTPUTS);
	if (spec.secondControl !== undefined) {
		checkOneOf(spec.secondControl, `${name}.secondControl`, ['weight-decay']);
	}
	checkInteger(spec.hiddenUnits, `${name}.hiddenUnits`, 1, 4096);
	return spec;
}

/** Default units of each hidden layer. */
export const DEFAULT_HIDDEN_UNITS: Readonly<Record<PolicySpec['network'], number>> = {
	'feed-forward': 64,
	recurrent: 128,
};

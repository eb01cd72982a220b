import { availableParallelism } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import {
	checkBoolean,
	checkInteger,
	checkKeys,
	checkNumber,
	checkOneOf,
	invalidArgument,
	keysOf,
} from '../arguments.js';
import { requireCudaDevice } from '../device-list.js';
import { GannoError } from '../errors.js';
import {
	ALGORITHMS,
	type Algorithm,
	type Hyperparameters,
	LAYERWISE_ALGORITHMS,
	type LayerwiseAlgorithm,
	type OptimizerSpec,
} from './algorithms.js';
import type { OptimizerLayer } from './layers.js';
import { type ResolvedHyperparameters, RULES } from './rules.js';

/** What LayerwiseOptimizer is made from, and the checks of it. */

/**
 * What happens where a gradient, or the state it would lead to, is not finite. Always counted (`nonFiniteCount`).
 * - `skip-element` (default): that element keeps its parameter and moments.
 * - `skip-layer`, `skip-network`: a first pass over the gradients decides; nothing of the layer, or of all layers, changes.
 * - `propagate`: whatever comes out is stored.
 */
export const NON_FINITE_POLICIES = ['skip-element', 'skip-layer', 'skip-network', 'propagate'] as const;
export type NonFinitePolicy = (typeof NON_FINITE_POLICIES)[number];

export const DENORMAL_POLICIES = ['keep', 'flush'] as const;
export type DenormalPolicy = (typeof DENORMAL_POLICIES)[number];

/** As {@link Hyperparameters}; lion has beta1 0.9, beta2 0.99; lars momentum 0.9; lamb beta1 0.9, beta2 0.999, epsilon 1e-6. */
export interface LayerwiseHyperparameters extends Hyperparameters {
	readonly trustCoefficient?: number; // 0.001; lars
}

/** Gradient clipping as by PyTorch's `clip_grad_norm_`: × min(1, maximum / (norm + 1e-6)). By layer first, where both are given. */
export interface ClipOptions {
	/** Largest norm of a layer's gradient; above 0. */
	readonly layerNorm?: number;
	/** Largest norm of all layers' gradients together; above 0. */
	readonly globalNorm?: number;
}

export interface LayerwiseOptimizerOptions {
	readonly algorithm: LayerwiseAlgorithm;
	readonly layers: readonly OptimizerLayer[];
	readonly hyperparameters?: LayerwiseHyperparameters;
	readonly nonFinite?: NonFinitePolicy;
	/** Gradient clipping by norm; default none. Statistics describe the gradient before it. */
	readonly clip?: ClipOptions;
	/**
	 * `keep` (default): numbers below 1.18e-38 are computed with, as PyTorch does. `flush`: they count as 0, as in a population's step;
	 * moments of units that died stay in that range for ever, and each costs a hundred cycles and more.
	 */
	readonly denormals?: DenormalPolicy;
	/**
	 * `auto` (default) and `cpu`: the addon's CPU kernels; `cuda:N`: a GPU, with the same bits;
	 * `reference`: plain TypeScript in float64.
	 */
	readonly device?: 'auto' | OptimizerDevice;
	/**
	 * With `cuda:N`. False (default): every step copies parameters and gradients to the device and the parameters back. True: both stay
	 * there, copied when the optimizer is made and from then on by `upload` and `download` alone; `step` without statistics then returns
	 * before it is done.
	 */
	readonly resident?: boolean;
	/** Threads one step may use; default 1 inside a worker thread, else all cores. Small layouts use one. */
	readonly threads?: number;
}

/** @throws GannoError `INVALID_ARGUMENT` for what is no object, or an option that there is not */
export function checkOptimizerKeys(options: unknown): void {
	checkKeys(options, 'options', OPTION_NAMES, FORMER_OPTIONS);
}

const OPTION_NAMES = keysOf<LayerwiseOptimizerOptions>({
	algorithm: true,
	layers: true,
	hyperparameters: true,
	nonFinite: true,
	clip: true,
	denormals: true,
	device: true,
	resident: true,
	threads: true,
});

const FORMER_OPTIONS = {
	carryParameterNorms:
		"was removed. Leave it out: 'lars' measures the norms of parameters at every step, with the same bits",
};

/** An optimiser as a task or a population names it. @throws GannoError `INVALID_ARGUMENT` */
export function checkOptimizerSpec(value: unknown, name: string): void {
	checkKeys(value, name, SPEC_KEYS);
	const { algorithm, hyperparameters } = value as OptimizerSpec;
	resolveHyperparameters(checkAlgorithm(algorithm), hyperparameters);
}

const SPEC_KEYS = keysOf<OptimizerSpec>({ algorithm: true, hyperparameters: true });

/** Smallest normal float32: a smaller epsilon would be lost in it, and 0/0 with it. */
const SMALLEST_EPSILON = 2 ** -126;

/** For the rules that do not take them. */
const UNUSED: ResolvedHyperparameters = {
	beta1: 0.9,
	beta2: 0.999,
	epsilon: 1e-8,
	momentum: 0.9,
	rho: 0.99,
	weightDecay: 0,
	trustCoefficient: 0.001,
};

function checkBelowOne(value: unknown, name: string): number {
	const checked = checkNumber(value, name, 0);
	if (checked >= 1) throw invalidArgument('a number from 0 up to, but below, 1', name, value);
	return checked;
}

export function checkLayerwiseAlgorithm(value: unknown): LayerwiseAlgorithm {
	return checkOneOf(value, 'algorithm', LAYERWISE_ALGORITHMS);
}

/** @returns an algorithm that populations train with */
export function checkAlgorithm(value: unknown): Algorithm {
	const [known, layerwise]: readonly (readonly unknown[])[] = [ALGORITHMS, LAYERWISE_ALGORITHMS];
	if (layerwise.includes(value) && !known.includes(value)) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			`The algorithm '${value as string}' is offered by LayerwiseOptimizer, not by populations; use one of ${ALGORITHMS.join(', ')}`,
		);
	}
	return checkOneOf(value, 'algorithm', ALGORITHMS);
}

/** The rule's defaults where nothing is said; a name that the algorithm does not use is an error. */
export function resolveHyperparameters(algorithm: LayerwiseAlgorithm, given: unknown = {}): ResolvedHyperparameters {
	if (typeof given !== 'object' || given === null) throw invalidArgument('an object', 'hyperparameters', given);
	const own = RULES[algorithm].hyperparameters;
	for (const name of Object.keys(given)) {
		if (!Object.hasOwn(own, name)) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				`hyperparameters.${name} does not apply to '${algorithm}', which takes ${Object.keys(own).join(', ')}`,
			);
		}
	}
	const defaults = { ...UNUSED, ...own };
	const {
		beta1 = defaults.beta1,
		beta2 = defaults.beta2,
		epsilon = defaults.epsilon,
		momentum = defaults.momentum,
		rho = defaults.rho,
		weightDecay = defaults.weightDecay,
		trustCoefficient = defaults.trustCoefficient,
	} = given as LayerwiseHyperparameters;
	return {
		beta1: checkBelowOne(beta1, 'hyperparameters.beta1'),
		beta2: checkBelowOne(beta2, 'hyperparameters.beta2'),
		epsilon: checkNumber(epsilon, 'hyperparameters.epsilon', SMALLEST_EPSILON),
		momentum: checkNumber(momentum, 'hyperparameters.momentum', 0, 1),
		rho: checkBelowOne(rho, 'hyperparameters.rho'),
		weightDecay: checkNumber(weightDecay, 'hyperparameters.weightDecay', 0),
		trustCoefficient: checkNumber(trustCoefficient, 'hyperparameters.trustCoefficient', 0),
	};
}

const CLIP_KEYS = keysOf<ClipOptions>({ layerNorm: true, globalNorm: true });

function checkMaximumNorm(value: unknown, name: string): number {
	const checked = checkNumber(value, name, 0);
	if (checked === 0) throw invalidArgument('a number above 0', name, value);
	return checked;
}

/** A norm of 0 means no clipping below. */
export function resolveClip(value: unknown = {}): { readonly layerNorm: number; readonly globalNorm: number } {
	if (typeof value !== 'object' || value === null) {
		throw invalidArgument('an object with layerNorm, globalNorm or both', 'clip', value);
	}
	checkKeys(value, 'clip', CLIP_KEYS);
	const { layerNorm, globalNorm } = value as ClipOptions;
	return {
		layerNorm: layerNorm === undefined ? 0 : checkMaximumNorm(layerNorm, 'clip.layerNorm'),
		globalNorm: globalNorm === undefined ? 0 : checkMaximumNorm(globalNorm, 'clip.globalNorm'),
	};
}

/** @returns whether they are flushed */
export function checkDenormals(value: unknown = 'keep'): boolean {
	return checkOneOf(value, 'denormals', DENORMAL_POLICIES) === 'flush';
}

/** Where an optimizer computes. */
export type OptimizerDevice = 'cpu' | 'reference' | `cuda:${number}`;

/**
 * `auto` is the CPU: arrays in host memory cross the bus at every step, 12 bytes an element, which takes longer than a step on the CPU.
 * @throws GannoError `INVALID_ARGUMENT`; `CUDA_UNAVAILABLE` where there is no such device, with what to do
 */
export function checkDevice(value: unknown = 'auto'): OptimizerDevice {
	if (typeof value === 'string' && /^cuda:\d+$/.test(value)) return requireCudaDevice(value).name;
	const device = checkOneOf(value, 'device', ['auto', 'cpu', 'reference']);
	return device === 'auto' ? 'cpu' : device;
}

/** @returns whether parameters and gradients stay on the device */
export function checkResidency(value: unknown, device: OptimizerDevice): boolean {
	const resident = checkBoolean(value, 'resident');
	if (resident && !device.startsWith('cuda')) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			`resident: true is for device 'cuda:N'; on '${device}' arrays are where they are`,
		);
	}
	return resident;
}

export function checkThreads(value: unknown): number {
	return value === undefined ? (isMainThread ? availableParallelism() : 1) : checkInteger(value, 'threads', 1, 256);
}

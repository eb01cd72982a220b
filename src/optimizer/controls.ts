import { types } from 'node:util';
import { checkFloat32Array, checkKeys, checkNumber, invalidArgument, keysOf } from '../arguments.js';
import { GannoError } from '../errors.js';
import type { LayerwiseAlgorithm } from './algorithms.js';
import { type ResolvedHyperparameters, usesMomentum } from './rules.js';

/** What may change from step to step, and the checks of it. */

/** Per layer, or one number for all. What is left out keeps the value of the hyperparameters. */
export interface StepControls {
	/** At least 0. */
	readonly learningRates: number | Float32Array;
	/** At least 0; arrays with `weightDecay: false` have none all the same. */
	readonly weightDecays?: number | Float32Array;
	/**
	 * momentum, nesterov and lars only; from 0 to 1. There is none for the beta1 of adam and its kin: their bias correction 1 − β₁ᵗ
	 * holds for a constant β₁ only.
	 */
	readonly momenta?: number | Float32Array;
}

export interface StepOptions {
	/** Multiplies every gradient before anything else: 1 / loss scale. Default 1. */
	readonly inverseScale?: number;
}

const CONTROL_KEYS = keysOf<StepControls>({ learningRates: true, weightDecays: true, momenta: true });
const STEP_KEYS = keysOf<StepOptions>({ inverseScale: true });

const LARGEST = 3.4e38;

/** Controls as a plan takes them (binding.d.ts). */
interface CheckedControls {
	readonly learningRates: number | Float32Array;
	readonly weightDecays: number | Float32Array;
	readonly momenta: number | Float32Array;
}

function checkControl(value: unknown, name: string, high: number, layerCount: number): number | Float32Array {
	return typeof value === 'number'
		? checkNumber(value, name, 0, high)
		: checkFloat32Array(value, name, layerCount, 'layers');
}

/**
 * Checks what does not depend on how many layers there are: a step of many small ones takes less than a microsecond. The elements of
 * arrays are checked by the plan, which reads each of them anyway.
 * @param hyperparameters what holds where nothing is said
 * @throws GannoError `INVALID_ARGUMENT`
 */
export function checkControls(
	controls: unknown,
	algorithm: LayerwiseAlgorithm,
	{ weightDecay, momentum }: ResolvedHyperparameters,
	layerCount: number,
): CheckedControls {
	if (typeof controls === 'number' || types.isFloat32Array(controls)) {
		const learningRates = checkControl(controls, 'learningRates', LARGEST, layerCount);
		return { learningRates, weightDecays: weightDecay, momenta: momentum };
	}
	if (typeof controls !== 'object' || controls === null || Array.isArray(controls) || ArrayBuffer.isView(controls)) {
		const advice = typeof controls === 'object' && controls !== null ? 'Float32Array.from makes one of it.' : undefined;
		throw invalidArgument('a number, a Float32Array or { learningRates, … }', 'controls', controls, advice);
	}
	for (const key in controls) {
		// Every step comes here: what is well known is passed over without a call.
		if (key !== 'learningRates' && key !== 'weightDecays' && key !== 'momenta') {
			checkKeys(controls, 'controls', CONTROL_KEYS);
		}
	}
	const {
		learningRates,
		weightDecays = weightDecay,
		momenta,
	} = controls as { readonly [key in keyof StepControls]?: unknown };
	if (momenta !== undefined && !usesMomentum(algorithm)) {
		throw new GannoError('INVALID_ARGUMENT', `momenta does not apply to '${algorithm}'`);
	}
	return {
		learningRates: checkControl(learningRates, 'learningRates', LARGEST, layerCount),
		weightDecays: checkControl(weightDecays, 'weightDecays', LARGEST, layerCount),
		momenta: momenta === undefined ? momentum : checkControl(momenta, 'momenta', 1, layerCount),
	};
}

/** @throws GannoError `INVALID_ARGUMENT` */
export function resolveInverseScale(options: StepOptions | undefined): number {
	if (options === undefined) return 1;
	if (typeof options !== 'object' || options === null) throw invalidArgument('an object', 'options', options);
	for (const key in options) if (key !== 'inverseScale') checkKeys(options, 'options', STEP_KEYS);
	return checkInverseScale(options.inverseScale);
}

/** @throws GannoError `INVALID_ARGUMENT` */
export function checkInverseScale(given: unknown): number {
	if (given === undefined) return 1;
	const inverseScale = checkNumber(given, 'options.inverseScale', 0);
	if (!Number.isFinite(Math.fround(inverseScale))) {
		throw invalidArgument('a number that float32 can hold', 'options.inverseScale', inverseScale);
	}
	return inverseScale;
}

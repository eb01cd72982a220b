import { types } from 'node:util';
import { checkFloat32Array, checkKeys, checkNumber, invalidArgument, keysOf } from '../arguments.js';
import { GannoError } from '../errors.js';
import type { LayerwiseAlgorithm } from './algorithms.js';
import type { ResolvedHyperparameters } from './optimizer-options.js';
import { usesMomentum } from './rules.js';

/** What may change from step to step, its checks, and the table in which a back end reads it. */

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

const CONTROL_COUNT = 3; // learning rate, weight decay, momentum: enum Control of native/cpu/layerwise_step.h

const LEARNING_RATE = 0;
const WEIGHT_DECAY = 1;
const MOMENTUM = 2;
const LARGEST = 3.4e38;

/**
 * A step of many small layers takes less than a microsecond, and this is part of it: values are checked and written in one pass, and
 * what was written for all layers is not written again.
 */
export class ControlTable {
	/** [layers × 3]: learning rate, weight decay, momentum; the back end reads it at every step. */
	readonly values: Float64Array;
	readonly #algorithm: LayerwiseAlgorithm;
	readonly #layerCount: number;
	readonly #weightDecay: number;
	readonly #momentum: number;
	/** [layers]: learning rates that the back end has still to check and take over; undefined: it cannot. */
	readonly learningRates: Float32Array | undefined;
	/** What each column holds for all layers; NaN: something else. */
	readonly #uniform = [Number.NaN, Number.NaN, Number.NaN];

	constructor(
		algorithm: LayerwiseAlgorithm,
		layerCount: number,
		{ weightDecay, momentum }: ResolvedHyperparameters,
		leavesRatesToBackend = false,
	) {
		this.learningRates = leavesRatesToBackend ? new Float32Array(layerCount) : undefined;
		this.values = new Float64Array(layerCount * CONTROL_COUNT);
		this.#algorithm = algorithm;
		this.#layerCount = layerCount;
		this.#weightDecay = weightDecay;
		this.#momentum = momentum;
	}

	/** @throws GannoError `INVALID_ARGUMENT` */
	write(controls: number | Float32Array | StepControls): void {
		if (typeof controls === 'number' || types.isFloat32Array(controls)) {
			if (this.learningRates !== undefined && typeof controls !== 'number') this.#leave(controls);
			else this.#write(LEARNING_RATE, controls, 'learningRates', LARGEST);
			this.#fill(WEIGHT_DECAY, this.#weightDecay);
			this.#fill(MOMENTUM, this.#momentum);
			return;
		}
		if (typeof controls !== 'object' || controls === null || Array.isArray(controls) || ArrayBuffer.isView(controls)) {
			const advice =
				typeof controls === 'object' && controls !== null ? 'Float32Array.from makes one of it.' : undefined;
			throw invalidArgument('a number, a Float32Array or { learningRates, … }', 'controls', controls, advice);
		}
		for (const key in controls) {
			// Every step comes here: what is well known is passed over without a call.
			if (key !== 'learningRates' && key !== 'weightDecays' && key !== 'momenta') {
				checkKeys(controls, 'controls', CONTROL_KEYS);
			}
		}
		const { learningRates, weightDecays = this.#weightDecay, momenta } = controls;
		if (momenta !== undefined && !usesMomentum(this.#algorithm)) {
			throw new GannoError('INVALID_ARGUMENT', `controls.momenta does not apply to '${this.#algorithm}'`);
		}
		this.#write(LEARNING_RATE, learningRates, 'controls.learningRates', LARGEST);
		this.#write(WEIGHT_DECAY, weightDecays, 'controls.weightDecays', LARGEST);
		this.#write(MOMENTUM, momenta ?? this.#momentum, 'controls.momenta', 1);
	}

	/** Says what is wrong with learning rates that the back end refused. */
	explain(): void {
		if (this.learningRates !== undefined && Number.isNaN(this.values[LEARNING_RATE])) {
			this.#write(LEARNING_RATE, this.learningRates, 'learningRates', LARGEST);
		}
	}

	#leave(values: Float32Array): void {
		checkFloat32Array(values, 'learningRates', this.#layerCount, 'layers');
		(this.learningRates as Float32Array).set(values);
		this.values[LEARNING_RATE] = Number.NaN;
		this.#uniform[LEARNING_RATE] = Number.NaN;
	}

	#write(column: number, values: number | Float32Array, name: string, high: number): void {
		if (typeof values === 'number') {
			this.#fill(column, checkNumber(values, name, 0, high));
			return;
		}
		checkFloat32Array(values, name, this.#layerCount, 'layers');
		const table = this.values;
		const count = this.#layerCount;
		this.#uniform[column] = Number.NaN;
		for (let layer = 0, i = column; layer < count; layer++, i += CONTROL_COUNT) {
			const value = values[layer] as number;
			if (!(value >= 0 && value <= high)) {
				throw invalidArgument(`finite numbers from 0 to ${high}`, `${name}[${layer}]`, value);
			}
			table[i] = value;
		}
	}

	#fill(column: number, value: number): void {
		if (this.#uniform[column] === value) return;
		for (let i = column; i < this.values.length; i += CONTROL_COUNT) this.values[i] = value;
		this.#uniform[column] = value;
	}
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

import { checkFiniteElements, checkFloat32Array, checkNumber, invalidArgument } from '../arguments.js';
import { GannoError } from '../errors.js';
import type { LayerwiseAlgorithm } from './algorithms.js';
import type { ResolvedHyperparameters, ResolvedLayer } from './options.js';
import { usesMomentum } from './rules.js';

/** What may change from step to step, its checks, and the table in which a back end reads it. */

/** Per layer, or one number for all. What is left out keeps the value of the hyperparameters. */
export interface StepControls {
	/** At least 0. */
	readonly learningRates: number | Float32Array;
	/** At least 0; layers with `weightDecay: false` have none all the same. */
	readonly weightDecays?: number | Float32Array;
	/** momentum, nesterov and lars only; from 0 to 1. */
	readonly momenta?: number | Float32Array;
}

export interface StepOptions {
	/** Multiplies every gradient before anything else: 1 / loss scale. Default 1. */
	readonly inverseScale?: number;
}

const CONTROL_COUNT = 3; // learning rate, weight decay, momentum: enum Control of native/cpu/layerwise_step.h

export class ControlTable {
	/** [layers × 3]: learning rate, weight decay, momentum; the back end reads it at every step. */
	readonly values: Float64Array;
	readonly #algorithm: LayerwiseAlgorithm;
	readonly #layers: readonly ResolvedLayer[];
	readonly #weightDecay: number;
	readonly #momentum: number;

	constructor(
		algorithm: LayerwiseAlgorithm,
		layers: readonly ResolvedLayer[],
		{ weightDecay, momentum }: ResolvedHyperparameters,
	) {
		this.values = new Float64Array(layers.length * CONTROL_COUNT);
		this.#algorithm = algorithm;
		this.#layers = layers;
		this.#weightDecay = weightDecay;
		this.#momentum = momentum;
	}

	/** @throws GannoError `INVALID_ARGUMENT` */
	write(controls: number | Float32Array | StepControls): void {
		if (typeof controls === 'number' || controls instanceof Float32Array) {
			this.#write(0, controls, 'learningRates');
			this.#writeWeightDecays(this.#weightDecay);
			this.#fill(2, this.#momentum);
			return;
		}
		if (typeof controls !== 'object' || controls === null) {
			throw invalidArgument('a number, a Float32Array or { learningRates, … }', 'controls', controls);
		}
		const { learningRates, weightDecays = this.#weightDecay, momenta } = controls;
		if (momenta !== undefined && !usesMomentum(this.#algorithm)) {
			throw new GannoError('INVALID_ARGUMENT', `controls.momenta does not apply to '${this.#algorithm}'`);
		}
		this.#write(0, learningRates, 'controls.learningRates');
		this.#writeWeightDecays(weightDecays);
		this.#write(2, momenta ?? this.#momentum, 'controls.momenta', 1);
	}

	#writeWeightDecays(weightDecays: number | Float32Array): void {
		this.#write(1, weightDecays, 'controls.weightDecays');
		for (let layer = 0; layer < this.#layers.length; layer++) {
			if (!(this.#layers[layer] as ResolvedLayer).weightDecay) this.values[layer * CONTROL_COUNT + 1] = 0;
		}
	}

	#fill(column: number, value: number): void {
		for (let i = column; i < this.values.length; i += CONTROL_COUNT) this.values[i] = value;
	}

	#write(column: number, values: number | Float32Array, name: string, high = 3.4e38): void {
		if (typeof values === 'number') {
			this.#fill(column, checkNumber(values, name, 0, high));
			return;
		}
		checkFloat32Array(values, name, this.#layers.length, 'layers');
		checkFiniteElements(values, name, 0);
		for (let layer = 0; layer < values.length; layer++) {
			const value = values[layer] as number;
			if (value > high) throw invalidArgument(`numbers from 0 to ${high}`, `${name}[${layer}]`, value);
			this.values[layer * CONTROL_COUNT + column] = value;
		}
	}
}

/** @throws GannoError `INVALID_ARGUMENT` */
export function resolveInverseScale(options: StepOptions | undefined): number {
	if (options?.inverseScale === undefined) return 1;
	const inverseScale = checkNumber(options.inverseScale, 'options.inverseScale', 0);
	if (!Number.isFinite(Math.fround(inverseScale))) {
		throw invalidArgument('a number that float32 can hold', 'options.inverseScale', inverseScale);
	}
	return inverseScale;
}

import { checkFiniteElements, checkFloat32Array, checkNumber, invalidArgument } from '../arguments.js';
import { fromNative, GannoError } from '../errors.js';
import { native } from '../native.js';
import { LAYERWISE_ALGORITHMS, type LayerwiseAlgorithm } from './algorithms.js';
import {
	checkDevice,
	checkLayerwiseAlgorithm,
	checkThreads,
	type LayerwiseOptimizerOptions,
	NON_FINITE_POLICIES,
	type ResolvedLayer,
	resolveClip,
	resolveHyperparameters,
	resolveLayers,
} from './options.js';
import { type LayerwiseBackend, ReferencePlan } from './reference.js';
import { MOMENT_COUNT, usesMomentum } from './rules.js';
import { STATISTICS } from './statistics.js';

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

/** One layer's part of a state: copies, not views. */
export interface LayerState {
	readonly name: string;
	/** Steps this layer has taken. */
	readonly step: number;
	/** [moment][array]: velocity; squared average; or first and second moment. */
	readonly moments: readonly (readonly Float32Array[])[];
}

/** Everything an optimizer keeps besides its options, in a form that survives structured clone. */
export interface OptimizerState {
	readonly algorithm: LayerwiseAlgorithm;
	readonly layers: readonly LayerState[];
}

const CONTROL_COUNT = 3; // learning rate, weight decay, momentum: enum Control of native/cpu/layerwise_step.h

/**
 * An optimiser with one learning rate per layer, over anybody's Float32Arrays, that computes statistics of every layer in the same
 * pass as the step. Parameters are updated in place; moments and step counters are its own.
 *
 * The result is the same bits for any number of threads and any instruction set (docs/numerics.md).
 *
 * @example
 * using optimizer = new LayerwiseOptimizer({
 *   algorithm: 'adam',
 *   layers: [{ name: 'dense', parameters: [weights, bias], gradients: [weightGradients, biasGradients] }],
 * });
 * const statistics = new Float32Array(optimizer.layerNames.length * STATISTICS.length);
 * optimizer.step(1e-3, statistics);
 */
export class LayerwiseOptimizer {
	readonly algorithm: LayerwiseAlgorithm;
	/** Where it computes. */
	readonly device: 'cpu' | 'reference';
	readonly layerNames: readonly string[];
	/** Elements over all layers. */
	readonly parameterCount: number;

	readonly #layers: readonly ResolvedLayer[];
	readonly #parameters: readonly Float32Array[];
	readonly #gradients: readonly Float32Array[];
	readonly #sizes: readonly number[];
	readonly #weightDecay: number;
	readonly #momentum: number;
	readonly #controls: Float64Array;
	#backend: LayerwiseBackend | undefined;

	/**
	 * Registers the arrays once; a step then passes two arguments.
	 * @throws GannoError `INVALID_ARGUMENT`, `NATIVE_NOT_FOUND`, `CUDA_UNAVAILABLE`, `OUT_OF_MEMORY`
	 */
	constructor(options: LayerwiseOptimizerOptions) {
		if (typeof options !== 'object' || options === null) throw invalidArgument('an object', 'options', options);
		this.algorithm = checkLayerwiseAlgorithm(options.algorithm);
		const hyperparameters = resolveHyperparameters(this.algorithm, options.hyperparameters);
		const nonFinite = options.nonFinite ?? 'skip-element';
		if (!NON_FINITE_POLICIES.includes(nonFinite)) {
			throw invalidArgument(`one of ${NON_FINITE_POLICIES.join(', ')}`, 'nonFinite', nonFinite);
		}
		const clip = resolveClip(options.clip);
		this.device = checkDevice(options.device);
		const threads = checkThreads(options.threads);
		this.#layers = resolveLayers(options.layers);
		this.#parameters = this.#layers.flatMap(({ parameters }) => parameters);
		this.#gradients = this.#layers.flatMap(({ gradients }) => gradients);
		this.#sizes = this.#parameters.map(({ length }) => length);
		this.layerNames = this.#layers.map(({ name }) => name);
		this.parameterCount = this.#sizes.reduce((sum, size) => sum + size, 0);
		this.#weightDecay = hyperparameters.weightDecay;
		this.#momentum = hyperparameters.momentum;
		this.#controls = new Float64Array(this.#layers.length * CONTROL_COUNT);
		const plan = {
			algorithm: LAYERWISE_ALGORITHMS.indexOf(this.algorithm),
			nonFinite: NON_FINITE_POLICIES.indexOf(nonFinite),
			threads,
			hyperparameters,
			clip,
			adapt: Uint8Array.from(this.#layers, ({ adapt }) => (adapt ? 1 : 0)),
			parameters: this.#parameters,
			gradients: this.#gradients,
			arraysPerLayer: Uint32Array.from(this.#layers, ({ parameters }) => parameters.length),
			controls: this.#controls,
		};
		try {
			this.#backend = this.device === 'reference' ? new ReferencePlan(plan) : new (native().LayerwisePlan)(plan);
		} catch (error) {
			throw fromNative(error);
		}
	}

	/**
	 * One step of every layer.
	 * @param controls a learning rate for all layers, one per layer ([layers]), or those and other controls
	 * @param statistics [layers × 14], row-major in the order of STATISTICS, written; left out: none are computed
	 * @throws GannoError `INVALID_ARGUMENT` (also when an array was detached), `DISPOSED`; nothing has changed then
	 */
	step(controls: number | Float32Array | StepControls, statistics?: Float32Array, options?: StepOptions): void {
		const backend = this.#live();
		this.#checkArrays();
		this.#writeControls(controls);
		if (statistics !== undefined) {
			checkFloat32Array(statistics, 'statistics', this.#layers.length * STATISTICS.length, 'layers × 14');
		}
		let inverseScale = 1;
		if (options?.inverseScale !== undefined) {
			inverseScale = checkNumber(options.inverseScale, 'options.inverseScale', 0);
			if (!Number.isFinite(Math.fround(inverseScale))) {
				throw invalidArgument('a number that float32 can hold', 'options.inverseScale', inverseScale);
			}
		}
		try {
			backend.step(statistics, inverseScale);
		} catch (error) {
			throw fromNative(error);
		}
	}

	/** The same off the main thread: not offered by this version. */
	stepAsync(
		_controls: number | Float32Array | StepControls,
		_statistics?: Float32Array,
		_options?: StepOptions,
	): Promise<void> {
		return Promise.reject(
			new GannoError('INVALID_ARGUMENT', 'stepAsync is not offered by this version; call step, in a worker if need be'),
		);
	}

	/** A copy of the moments and step counters. */
	state(): OptimizerState {
		const backend = this.#live();
		const steps = new Float64Array(this.#layers.length);
		backend.readSteps(steps);
		let array = 0;
		const layers = this.#layers.map(({ name, parameters }, layer): LayerState => {
			const first = array;
			array += parameters.length;
			const moments = Array.from({ length: MOMENT_COUNT[this.algorithm] }, (_, moment) =>
				parameters.map((_array, i) => {
					// As registered: the arrays themselves may be detached by now, and the moments are then what can be saved.
					const values = new Float32Array(this.#sizes[first + i] as number);
					backend.readMoment(first + i, moment, values);
					return values;
				}),
			);
			return { name, step: steps[layer] as number, moments };
		});
		return { algorithm: this.algorithm, layers };
	}

	/**
	 * Takes over a state of an optimizer with the same algorithm and layers. The parameters are the caller's to restore.
	 * @throws GannoError `INVALID_ARGUMENT` naming what does not fit; nothing has changed then
	 */
	restore(state: OptimizerState): void {
		const backend = this.#live();
		if (typeof state !== 'object' || state === null || !Array.isArray(state.layers)) {
			throw invalidArgument('what state() returned', 'state', state);
		}
		if (state.algorithm !== this.algorithm) {
			throw invalidArgument(`'${this.algorithm}', as in this optimizer,`, 'state.algorithm', state.algorithm);
		}
		if (state.layers.length !== this.#layers.length) {
			throw invalidArgument(`${this.#layers.length} layers, as in this optimizer,`, 'state.layers', state.layers);
		}
		const writes: [array: number, moment: number, values: Float32Array][] = [];
		const steps = new Float64Array(this.#layers.length);
		let array = 0;
		for (const [index, layer] of (state.layers as readonly LayerState[]).entries()) {
			const path = `state.layers[${index}]`;
			const { name, parameters } = this.#layers[index] as ResolvedLayer;
			if (layer?.name !== name) throw invalidArgument(`'${name}', as in this optimizer,`, `${path}.name`, layer?.name);
			if (!Number.isSafeInteger(layer.step) || layer.step < 0) {
				throw invalidArgument('a count of steps', `${path}.step`, layer.step);
			}
			steps[index] = layer.step;
			for (const i of parameters.keys()) {
				const length = this.#sizes[array] as number;
				for (let moment = 0; moment < MOMENT_COUNT[this.algorithm]; moment++) {
					const values = layer.moments?.[moment]?.[i];
					writes.push([array, moment, checkFloat32Array(values, `${path}.moments[${moment}][${i}]`, length)]);
				}
				array++;
			}
		}
		for (const [index, moment, values] of writes) backend.writeMoment(index, moment, values);
		backend.writeSteps(steps);
	}

	/** Frees the native memory now. Idempotent; any other call then throws `DISPOSED`. */
	dispose(): void {
		this.#backend?.dispose();
		this.#backend = undefined;
	}

	[Symbol.dispose](): void {
		this.dispose();
	}

	#live(): LayerwiseBackend {
		if (this.#backend === undefined) {
			throw new GannoError('DISPOSED', 'This optimizer was disposed; make a new one');
		}
		return this.#backend;
	}

	/** The addon keeps pointers; a detached or shrunk array shows in its length. */
	#checkArrays(): void {
		const parameters = this.#parameters;
		const gradients = this.#gradients;
		const sizes = this.#sizes;
		for (let i = 0; i < sizes.length; i++) {
			if ((parameters[i] as Float32Array).length !== sizes[i] || (gradients[i] as Float32Array).length !== sizes[i]) {
				this.#reportChangedArray(i);
			}
		}
	}

	#reportChangedArray(array: number): never {
		let layer = 0;
		for (let first = 0; ; layer++) {
			first += (this.#layers[layer] as ResolvedLayer).parameters.length;
			if (array < first) break;
		}
		throw new GannoError(
			'INVALID_ARGUMENT',
			`A parameter or gradient array of layer '${this.layerNames[layer]}' no longer has the ${this.#sizes[array]} elements it was ` +
				'registered with: its buffer was detached (transferred) or resized. Make a new optimizer over the new arrays and restore() its state',
		);
	}

	#writeControls(controls: number | Float32Array | StepControls): void {
		if (typeof controls === 'number' || controls instanceof Float32Array) {
			this.#writeControl(0, controls, 'learningRates');
			this.#writeWeightDecays(this.#weightDecay);
			this.#fillControl(2, this.#momentum);
			return;
		}
		if (typeof controls !== 'object' || controls === null) {
			throw invalidArgument('a number, a Float32Array or { learningRates, … }', 'controls', controls);
		}
		const { learningRates, weightDecays = this.#weightDecay, momenta } = controls;
		if (momenta !== undefined && !usesMomentum(this.algorithm)) {
			throw new GannoError('INVALID_ARGUMENT', `controls.momenta does not apply to '${this.algorithm}'`);
		}
		this.#writeControl(0, learningRates, 'controls.learningRates');
		this.#writeWeightDecays(weightDecays);
		this.#writeControl(2, momenta ?? this.#momentum, 'controls.momenta', 1);
	}

	#writeWeightDecays(weightDecays: number | Float32Array): void {
		this.#writeControl(1, weightDecays, 'controls.weightDecays');
		for (let layer = 0; layer < this.#layers.length; layer++) {
			if (!(this.#layers[layer] as ResolvedLayer).weightDecay) this.#controls[layer * CONTROL_COUNT + 1] = 0;
		}
	}

	#fillControl(column: number, value: number): void {
		for (let i = column; i < this.#controls.length; i += CONTROL_COUNT) this.#controls[i] = value;
	}

	#writeControl(column: number, values: number | Float32Array, name: string, high = 3.4e38): void {
		if (typeof values === 'number') {
			this.#fillControl(column, checkNumber(values, name, 0, high));
			return;
		}
		checkFloat32Array(values, name, this.#layers.length, 'layers');
		checkFiniteElements(values, name, 0);
		for (let layer = 0; layer < values.length; layer++) {
			const value = values[layer] as number;
			if (value > high) throw invalidArgument(`numbers from 0 to ${high}`, `${name}[${layer}]`, value);
			this.#controls[layer * CONTROL_COUNT + column] = value;
		}
	}
}

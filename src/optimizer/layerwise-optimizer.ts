import { checkFloat32Array, invalidArgument } from '../arguments.js';
import { fromNative, GannoError } from '../errors.js';
import { LAYERWISE_ALGORITHMS, type LayerwiseAlgorithm } from './algorithms.js';
import type { LayerwiseBackend } from './backend.js';
import { ControlTable, resolveInverseScale, type StepControls, type StepOptions } from './controls.js';
import { openBackend } from './open-backend.js';
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
import { RegisteredArrays } from './registered-arrays.js';
import { type OptimizerState, readState, type StateShape, writeState } from './state.js';
import { STATISTICS } from './statistics.js';

/** A layer of an optimizer. */
export interface RegisteredLayer {
	readonly name: string;
	/** Elements of all its parameter arrays. */
	readonly size: number;
	readonly parameters: readonly Float32Array[];
}

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
	/** The layers as registered; the arrays are the caller's own. */
	readonly layers: readonly RegisteredLayer[];

	readonly #layers: readonly ResolvedLayer[];
	readonly #arrays: RegisteredArrays;
	readonly #controls: ControlTable;
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
		this.#arrays = new RegisteredArrays(this.#layers);
		this.layers = this.#layers.map(({ name, parameters }) => ({
			name,
			size: parameters.reduce((sum, { length }) => sum + length, 0),
			parameters,
		}));
		this.layerNames = this.#layers.map(({ name }) => name);
		this.parameterCount = this.#arrays.sizes.reduce((sum, size) => sum + size, 0);
		this.#controls = new ControlTable(this.algorithm, this.#layers, hyperparameters);
		this.#backend = openBackend(this.device, {
			algorithm: LAYERWISE_ALGORITHMS.indexOf(this.algorithm),
			nonFinite: NON_FINITE_POLICIES.indexOf(nonFinite),
			threads,
			hyperparameters,
			clip,
			adapt: Uint8Array.from(this.#layers, ({ adapt }) => (adapt ? 1 : 0)),
			parameters: this.#arrays.parameters,
			gradients: this.#arrays.gradients,
			arraysPerLayer: Uint32Array.from(this.#layers, ({ parameters }) => parameters.length),
			controls: this.#controls.values,
		});
	}

	/**
	 * One step of every layer.
	 * @param controls a learning rate for all layers, one per layer ([layers]), or those and other controls
	 * @param statistics [layers × 14], row-major in the order of STATISTICS, written; left out: none are computed
	 * @throws GannoError `INVALID_ARGUMENT` (also when an array was detached), `DISPOSED`; nothing has changed then
	 */
	step(controls: number | Float32Array | StepControls, statistics?: Float32Array, options?: StepOptions): void {
		const backend = this.#live();
		this.#arrays.check();
		this.#controls.write(controls);
		if (statistics !== undefined) {
			checkFloat32Array(statistics, 'statistics', this.#layers.length * STATISTICS.length, 'layers × 14');
		}
		const inverseScale = resolveInverseScale(options);
		try {
			backend.step(statistics, inverseScale);
		} catch (error) {
			throw fromNative(error);
		}
	}

	/**
	 * The statistics the next step would have; nothing changes: no parameter, moment or step counter.
	 * @param controls as for {@link step}
	 * @param statistics [layers × 14], written
	 * @throws GannoError `INVALID_ARGUMENT`, `DISPOSED`
	 */
	probe(controls: number | Float32Array | StepControls, statistics: Float32Array, options?: StepOptions): void {
		const backend = this.#live();
		this.#arrays.check();
		this.#controls.write(controls);
		checkFloat32Array(statistics, 'statistics', this.#layers.length * STATISTICS.length, 'layers × 14');
		const inverseScale = resolveInverseScale(options);
		try {
			backend.probe(statistics, inverseScale);
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
		return readState(this.#live(), this.#stateShape());
	}

	/**
	 * Takes over a state of an optimizer with the same algorithm and layers. The parameters are the caller's to restore.
	 * @throws GannoError `INVALID_ARGUMENT` naming what does not fit; nothing has changed then
	 */
	restore(state: OptimizerState): void {
		writeState(this.#live(), this.#stateShape(), state);
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

	#stateShape(): StateShape {
		return { algorithm: this.algorithm, layers: this.#layers, sizes: this.#arrays.sizes };
	}
}

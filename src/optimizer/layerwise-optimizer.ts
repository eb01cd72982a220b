import { checkFloat32Array, checkOneOf, invalidArgument } from '../arguments.js';
import { brandClass } from '../copies.js';
import { callNative, fromNative, GannoError } from '../errors.js';
import { LAYERWISE_ALGORITHMS, type LayerwiseAlgorithm } from './algorithms.js';
import { checkControls, resolveInverseScale, type StepControls, type StepOptions } from './controls.js';
import { type ResolvedLayer, resolveLayers } from './layers.js';
import {
	checkDenormals,
	checkDevice,
	checkLayerwiseAlgorithm,
	checkOptimizerKeys,
	checkResidency,
	checkThreads,
	type LayerwiseOptimizerOptions,
	NON_FINITE_POLICIES,
	type OptimizerDevice,
	resolveClip,
	resolveHyperparameters,
} from './optimizer-options.js';
import { type OptimizerState, readState, type StateShape, writeState } from './optimizer-state.js';
import { type LayerwisePlan, openPlan } from './plan.js';
import { RegisteredArrays } from './registered-arrays.js';
import type { ResolvedHyperparameters } from './rules.js';
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
 * ```ts
 * import { LayerwiseOptimizer, STATISTICS } from 'ganno';
 *
 * const [weights, bias] = [new Float32Array(64), new Float32Array(8)];
 * const [weightGradients, biasGradients] = [new Float32Array(64), new Float32Array(8)];
 * using optimizer = new LayerwiseOptimizer({
 *   algorithm: 'adam',
 *   layers: [{ name: 'dense', parameters: [weights, bias], gradients: [weightGradients, biasGradients] }],
 * });
 * const statistics = new Float32Array(optimizer.layerNames.length * STATISTICS.length);
 * optimizer.step(1e-3, statistics);
 * ```
 */
export class LayerwiseOptimizer {
	readonly algorithm: LayerwiseAlgorithm;
	/** Where it computes. */
	readonly device: OptimizerDevice;
	readonly layerNames: readonly string[];
	/** Elements over all layers. */
	readonly parameterCount: number;
	/** The layers as registered; the arrays are the caller's own. */
	readonly layers: readonly RegisteredLayer[];

	readonly #layers: readonly ResolvedLayer[];
	readonly #arrays: RegisteredArrays;
	readonly #hyperparameters: ResolvedHyperparameters;
	#plan: LayerwisePlan | undefined;
	#inFlight = false;

	/**
	 * Registers the arrays once; a step then passes two arguments.
	 * @throws GannoError `INVALID_ARGUMENT`, `NATIVE_NOT_FOUND`, `CUDA_UNAVAILABLE`, `OUT_OF_MEMORY`
	 */
	constructor(options: LayerwiseOptimizerOptions) {
		checkOptimizerKeys(options);
		this.algorithm = checkLayerwiseAlgorithm(options.algorithm);
		this.#hyperparameters = resolveHyperparameters(this.algorithm, options.hyperparameters);
		const nonFinite = options.nonFinite ?? 'skip-element';
		if (!NON_FINITE_POLICIES.includes(nonFinite)) {
			throw invalidArgument(`one of ${NON_FINITE_POLICIES.join(', ')}`, 'nonFinite', nonFinite);
		}
		const clip = resolveClip(options.clip);
		const flushDenormals = checkDenormals(options.denormals);
		this.device = checkDevice(options.device);
		const resident = checkResidency(options.resident, this.device);
		const threads = checkThreads(options.threads);
		this.#layers = resolveLayers(options.layers, this.algorithm);
		this.#arrays = new RegisteredArrays(this.#layers);
		this.layers = this.#layers.map(({ name, parameters }) => ({
			name,
			size: parameters.reduce((sum, { length }) => sum + length, 0),
			parameters,
		}));
		this.layerNames = this.#layers.map(({ name }) => name);
		this.parameterCount = this.#arrays.sizes.reduce((sum, size) => sum + size, 0);
		this.#plan = openPlan(this.device, {
			algorithm: LAYERWISE_ALGORITHMS.indexOf(this.algorithm),
			nonFinite: NON_FINITE_POLICIES.indexOf(nonFinite),
			threads,
			flushDenormals,
			resident,
			hyperparameters: this.#hyperparameters,
			clip,
			adapt: Uint8Array.from(this.#layers, ({ adapt }) => (adapt ? 1 : 0)),
			decays: Uint8Array.from(this.#layers.flatMap(({ decays }) => decays.map(Number))),
			parameters: this.#arrays.parameters,
			gradients: this.#arrays.gradients,
			arraysPerLayer: Uint32Array.from(this.#layers, ({ parameters }) => parameters.length),
		});
	}

	/**
	 * One step of every layer.
	 * @param controls a learning rate for all layers, one per layer ([layers]), or those and other controls
	 * @param statistics [layers × 14], row-major in the order of STATISTICS, written; left out: none are computed
	 * @throws GannoError `INVALID_ARGUMENT` (also when an array was detached), `DISPOSED`; nothing has changed then
	 */
	step(controls: number | Float32Array | StepControls, statistics?: Float32Array, options?: StepOptions): void {
		const plan = this.#live();
		const { learningRates, weightDecays, momenta } = this.#check(controls);
		const inverseScale = this.#prepare(statistics, options);
		try {
			plan.step(learningRates, weightDecays, momenta, statistics, inverseScale);
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
		const plan = this.#live();
		checkFloat32Array(statistics, 'statistics', this.#statisticCount, 'layers × 14');
		const { learningRates, weightDecays, momenta } = this.#check(controls);
		const inverseScale = this.#prepare(statistics, options);
		try {
			plan.probe(learningRates, weightDecays, momenta, statistics, inverseScale);
		} catch (error) {
			throw fromNative(error);
		}
	}

	/**
	 * As {@link step} and with the same bits, on another thread (`reference`: on this one). Controls are copied at once; statistics are
	 * written just before the promise resolves.
	 *
	 * Until then the arrays must be left alone, gradients included, and every other call but `dispose`, which is safe at any time, is
	 * refused. From the first call on, the plain ArrayBuffers of the layers cannot be transferred any more (Node's
	 * `markAsUntransferable`: to transfer one is an error, on Node 20 a copy), because their memory would leave with them in the middle of
	 * a step; resizable ones are refused. Nothing but good sense keeps Node 21 and newer from `ArrayBuffer.prototype.transfer`.
	 * @throws GannoError (the promise rejects) as {@link step}
	 */
	async stepAsync(
		controls: number | Float32Array | StepControls,
		statistics?: Float32Array,
		options?: StepOptions,
	): Promise<void> {
		const plan = this.#live();
		const { learningRates, weightDecays, momenta } = this.#check(controls);
		const inverseScale = this.#prepare(statistics, options);
		this.#arrays.pin();
		this.#inFlight = true;
		try {
			await plan.stepAsync(learningRates, weightDecays, momenta, statistics, inverseScale);
		} catch (error) {
			throw fromNative(error);
		} finally {
			this.#inFlight = false;
		}
		this.#arrays.check();
	}

	/**
	 * With `resident: true`: copies gradients, parameters or both to the device; the arrays are free again when it returns. Otherwise it
	 * does nothing: every step sees the arrays as they are.
	 * @throws GannoError `INVALID_ARGUMENT` when an array was detached, `DISPOSED`
	 */
	upload(what: 'gradients' | 'parameters' | 'all' = 'gradients'): void {
		const plan = this.#live();
		checkOneOf(what, 'what', ['gradients', 'parameters', 'all']);
		this.#arrays.check();
		callNative(() => plan.upload(what !== 'gradients', what !== 'parameters'));
	}

	/**
	 * With `resident: true`: waits for every step and copies the parameters back. Otherwise it does nothing: they are there.
	 * @throws GannoError `INVALID_ARGUMENT` when an array was detached, `DISPOSED`
	 */
	download(): void {
		const plan = this.#live();
		this.#arrays.check();
		callNative(() => plan.download());
	}

	/** A copy of the moments and step counters; those of a layer are one, `step`, unless its arrays differ (`steps`). */
	state(): OptimizerState {
		return readState(this.#live(), this.#stateShape());
	}

	/**
	 * Takes over a state of an optimizer with the same algorithm and layers. Arrays of one layer may have taken different numbers of
	 * steps (`steps`): each then has its own bias correction, as one has that joined later (docs/algorithms.md). The parameters are the
	 * caller's to restore, before or after.
	 * @throws GannoError `INVALID_ARGUMENT` naming what does not fit; nothing has changed then
	 */
	restore(state: OptimizerState): void {
		writeState(this.#live(), this.#stateShape(), state);
	}

	/** Frees the native memory now. Idempotent; any other call then throws `DISPOSED`. */
	dispose(): void {
		this.#plan?.dispose();
		this.#plan = undefined;
	}

	[Symbol.dispose](): void {
		this.dispose();
	}

	#live(): LayerwisePlan {
		if (this.#plan === undefined) {
			throw new GannoError('DISPOSED', 'This optimizer was disposed; make a new one');
		}
		if (this.#inFlight) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				'A stepAsync call of this optimizer is still running: await it before the next call',
			);
		}
		return this.#plan;
	}

	#check(controls: number | Float32Array | StepControls) {
		return checkControls(controls, this.algorithm, this.#hyperparameters, this.#layers.length);
	}

	/** Arrays are looked at last: reading an option may run code of the caller's. @returns the inverse scale */
	#prepare(statistics: Float32Array | undefined, options: StepOptions | undefined): number {
		const inverseScale = resolveInverseScale(options);
		if (statistics !== undefined) {
			checkFloat32Array(statistics, 'statistics', this.#statisticCount, 'layers × 14');
		}
		this.#arrays.check();
		return inverseScale;
	}

	get #statisticCount(): number {
		return this.#layers.length * STATISTICS.length;
	}

	#stateShape(): StateShape {
		return { algorithm: this.algorithm, layers: this.#layers, sizes: this.#arrays.sizes };
	}
}

brandClass(LayerwiseOptimizer, 'LayerwiseOptimizer');

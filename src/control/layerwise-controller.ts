import { checkFloat32Array, checkFunction, checkKeys, invalidArgument, keysOf } from '../arguments.js';
import { brandClass, checkInstance } from '../copies.js';
import type { ControlledTraining, Controller } from '../environment/controller.js';
import { GannoError } from '../errors.js';
import type { StepOptions } from '../optimizer/controls.js';
import { LayerwiseOptimizer } from '../optimizer/layerwise-optimizer.js';
import type { OptimizerState } from '../optimizer/optimizer-state.js';
import { STATISTICS } from '../optimizer/statistics.js';
import type { PolicySnapshot } from '../policy/policy.js';
import type { DecisionFunction } from '../schedules/function-controller.js';
import type { ScheduleName } from '../schedules/registry.js';
import { ControlledRun } from './controlled-run.js';
import {
	type ControlledLayer,
	checkControlledLayers,
	checkControlledOptimizer,
	type DecisionSource,
	type LayerwiseControllerOptions,
	type ResolvedControllerOptions,
	type RollbackOptions,
	resolveControllerOptions,
} from './controller-options.js';
import { checkControllerState, type LayerwiseControllerState } from './controller-state.js';
import { type Losses, readLosses } from './losses.js';
import { functionSource, policySource, scheduleSource } from './source.js';

/** Saves and restores the snapshots of rollbacks. */
type Snapshots = Required<Pick<RollbackOptions, 'save' | 'restore'>>;
const SNAPSHOT_KEYS = keysOf<Snapshots>({ save: true, restore: true });

export interface AttachOptions {
	/** Names of the layers that are convolutions, which policies are told; default none. */
	readonly convolutions?: readonly string[];
}

const ATTACH_KEYS = keysOf<AttachOptions>({ convolutions: true });

/**
 * Sets the learning rates of a training of your own, layer by layer: a frozen policy, a hand-made schedule or a function decides every
 * `interval` optimiser steps, from the statistics and losses of those steps. Attach it to a {@link LayerwiseOptimizer}, give it to a
 * `LayerwiseTfOptimizer` (`ganno/tfjs`), or use it by hand. One controller controls one training.
 *
 * A policy's observations are those of the training environment (docs/environment.md), bit for bit.
 *
 * @example By hand:
 * ```ts
 * import { LayerwiseController, LayerwiseOptimizer, STATISTICS } from 'ganno';
 *
 * const layer = { name: 'hidden', parameters: new Float32Array(100).fill(1), gradients: new Float32Array(100) };
 * using optimizer = new LayerwiseOptimizer({ algorithm: 'adam', layers: [layer] });
 * const statistics = new Float32Array(STATISTICS.length); // [layers × 14]
 * const controller = LayerwiseController.fromPolicy('default', { learningRate: 1e-3, horizon: 200 });
 * controller.start([{ name: 'hidden', size: 100 }]);
 * while (controller.step < 200) {
 *   const loss = layer.parameters.reduce((sum, w) => sum + w * w, 0);
 *   layer.gradients.set(layer.parameters.map((w) => 2 * w));
 *   if (controller.probing) optimizer.probe(controller.learningRates, statistics);
 *   else optimizer.step(controller.learningRates, statistics);
 *   controller.observe(statistics, loss);
 * }
 * ```
 */
export class LayerwiseController {
	/** `learned`, or the schedule's name. */
	readonly name: string;
	readonly #source: DecisionSource;
	readonly #options: ResolvedControllerOptions;
	#run: ControlledRun | undefined;
	#pending: LayerwiseControllerState | undefined;

	private constructor(source: DecisionSource, options: LayerwiseControllerOptions) {
		this.#source = source;
		this.#options = resolveControllerOptions(options, source);
		this.name = source.controller.name;
	}

	/**
	 * A frozen policy decides, greedily. Needs no tfjs.
	 * @param policy the path of a policy file, the name of a policy of the package (`'default'`, or `'one-action'`: one learning rate for all
	 *   layers), or a policy in memory
	 * @throws GannoError `INVALID_ARGUMENT`, `FILE_SYSTEM`, `BAD_FILE`
	 */
	static fromPolicy(policy: string | PolicySnapshot, options: LayerwiseControllerOptions): LayerwiseController {
		return new LayerwiseController(policySource(policy), options);
	}

	/** A hand-made schedule decides: its name, or a controller such as `cosineSchedule()` returns. */
	static fromSchedule(schedule: ScheduleName | Controller, options: LayerwiseControllerOptions): LayerwiseController {
		return new LayerwiseController(scheduleSource(schedule), options);
	}

	/**
	 * A function decides. It is called before the first step too, with statistics of zeros unless `probeBatches` is set.
	 * @param decide returns one learning rate for all layers, or one per layer; the context's arrays are overwritten later
	 */
	static fromFunction(decide: DecisionFunction, options: LayerwiseControllerOptions): LayerwiseController {
		return new LayerwiseController(functionSource(decide), options);
	}

	/** Whether {@link start} has been called. */
	get started(): boolean {
		return this.#run !== undefined;
	}

	/** The layers under control, in order. */
	get layers(): readonly Required<ControlledLayer>[] {
		return this.#startedRun().layers;
	}

	/** `[layers]` for the next step, base schedule included. The array belongs to the controller and is overwritten by `observe`. */
	get learningRates(): Float32Array {
		return this.#startedRun().rates;
	}

	/**
	 * The next mini-batch is a probing one: no step of the optimiser, only `observe` of its statistics (`optimizer.probe`) and loss. A
	 * training under a policy begins with four of them.
	 */
	get probing(): boolean {
		return this.#startedRun().probing;
	}

	/** Mini-batches observed, probing ones included: at `horizon` the training ends. */
	get step(): number {
		return this.#startedRun().batches;
	}

	/** Whether the horizon has been reached, after which learning rates stay as they are. */
	get finished(): boolean {
		return this.#startedRun().finished;
	}

	/** Whether the training has diverged (and was not rolled back). */
	get diverged(): boolean {
		return this.#startedRun().diverged;
	}

	/** How often the training was rolled back. */
	get rollbacks(): number {
		return this.#startedRun().rollbacks;
	}

	/** Whether `observe` must be given statistics and a loss. */
	get needsStatistics(): boolean {
		return this.#source.controller.ignoresNetworks !== true || this.#options.rollback !== undefined;
	}

	/** Whether it measures the held-out loss itself, by the option `validationLoss`. */
	get measuresValidation(): boolean {
		return this.#options.validationLoss !== undefined;
	}

	/** Whether rollbacks are on: attachments then save and restore snapshots. */
	get rollsBack(): boolean {
		return this.#options.rollback !== undefined;
	}

	/**
	 * Sets the layers; a controller that needs no statistics decides at once.
	 * @param layers in the order of the network, input first
	 * @param optimizer the optimiser, which some schedules need (`trust-ratio`); default Adam
	 * @throws GannoError `INVALID_ARGUMENT`, also when called twice
	 */
	start(
		layers: readonly ControlledLayer[],
		optimizer: ControlledTraining['optimizer'] = { algorithm: 'adam' },
		snapshots?: Snapshots,
	): void {
		if (this.#run !== undefined) {
			throw new GannoError('INVALID_ARGUMENT', 'This controller controls a training already; make another one');
		}
		const checked = checkControlledLayers(layers);
		checkControlledOptimizer(optimizer);
		if (snapshots !== undefined) checkKeys(snapshots, 'snapshots', SNAPSHOT_KEYS);
		checkFunction(snapshots?.save, 'snapshots.save');
		checkFunction(snapshots?.restore, 'snapshots.restore');
		const { rollback } = this.#options;
		const save = rollback?.save ?? snapshots?.save;
		const restore = rollback?.restore ?? snapshots?.restore;
		if (rollback !== undefined && (save === undefined || restore === undefined)) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				'A rollback needs a snapshot to go back to: attach the controller, or give rollback.save and rollback.restore',
			);
		}
		const guard =
			rollback === undefined || save === undefined || restore === undefined
				? undefined
				: { ...rollback, save, restore };
		const run = new ControlledRun(this.#source, this.#options, checked, optimizer, guard);
		if (this.#pending === undefined) run.begin();
		else run.restore(checkControllerState(this.#pending, run.shape));
		this.#pending = undefined;
		this.#run = run;
	}

	/**
	 * Observes one mini-batch: a step of the optimiser, or while {@link probing} one that changed no parameter.
	 * @param statistics `[layers × 14]` of the step; may be left out where {@link needsStatistics} is false
	 * @param losses the mini-batch's loss before the step, any number (one that is not finite: the training has diverged); a held-out loss
	 * counts until the next decision
	 * @returns {@link learningRates} for the next step
	 * @throws GannoError `INVALID_ARGUMENT`; `DIVERGED` when the rollbacks are used up
	 */
	observe(statistics?: Float32Array, losses?: number | Losses): Float32Array {
		const run = this.#startedRun();
		const numbers = typeof losses === 'number' ? undefined : readLosses(losses);
		const training = numbers === undefined ? (losses as number) : numbers.training;
		if (training === undefined || statistics === undefined) {
			if (this.needsStatistics) {
				const [what, name, value] =
					statistics === undefined
						? [`a Float32Array of length ${run.layers.length * STATISTICS.length}`, 'statistics', statistics]
						: ['a number or { training, validation? }', 'losses', losses];
				throw invalidArgument(what, name, value, `The controller '${this.name}' decides by statistics and losses.`);
			}
		}
		if (statistics !== undefined) {
			checkFloat32Array(statistics, 'statistics', run.layers.length * STATISTICS.length, 'layers × 14');
		}
		run.observe(statistics, training ?? 0, numbers?.validation); // without a loss it is not used
		return run.rates;
	}

	/**
	 * Attaches an optimizer: `step(loss)` of the result steps it under the controller's learning rates.
	 * @throws GannoError `INVALID_ARGUMENT`
	 */
	attach(optimizer: LayerwiseOptimizer, options: AttachOptions = {}): ControlledOptimizer {
		return new ControlledOptimizer(this, checkInstance(optimizer, LayerwiseOptimizer, 'optimizer'), options);
	}

	/**
	 * Reports the held-out loss, which counts at every decision until the next call (the one of `observe` counts until the next decision).
	 * A controller with the option `validationLoss` measures its own and ignores this.
	 * @param loss `undefined`: none any more. A loss that is not finite: the training has diverged
	 * @throws GannoError `INVALID_ARGUMENT` for what is not a number, or before {@link start}
	 */
	reportValidationLoss(loss: number | undefined): void {
		if (loss !== undefined && typeof loss !== 'number') throw invalidArgument('a number or undefined', 'loss', loss);
		this.#startedRun().reportValidationLoss(this.measuresValidation ? undefined : loss);
	}

	/** Its complete state of the training. The caller saves parameters and optimiser state, at the same step. */
	state(): LayerwiseControllerState {
		return this.#startedRun().state();
	}

	/**
	 * Continues from the state of a controller of the same kind; before {@link start} the state is kept and checked there.
	 * @throws GannoError `INVALID_ARGUMENT` saying what does not fit; nothing has changed then
	 */
	restore(state: LayerwiseControllerState): void {
		if (this.#run === undefined) this.#pending = state;
		else this.#run.restore(checkControllerState(state, this.#run.shape));
	}

	#startedRun(): ControlledRun {
		if (this.#run === undefined) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				'This controller has no layers yet; attach it, give it to an optimizer, or call start(layers)',
			);
		}
		return this.#run;
	}
}

brandClass(LayerwiseController, 'LayerwiseController');

/** A LayerwiseOptimizer whose learning rates a controller sets. Both stay the caller's: this owns neither. */
export class ControlledOptimizer {
	readonly controller: LayerwiseController;
	readonly optimizer: LayerwiseOptimizer;
	/** `[layers × 14]` of the last step */
	readonly statistics: Float32Array;
	#parameters: readonly Float32Array[] = [];
	#state: OptimizerState | undefined;

	/** Made by `LayerwiseController.attach`. */
	constructor(controller: LayerwiseController, optimizer: LayerwiseOptimizer, options: AttachOptions) {
		this.controller = controller;
		this.optimizer = optimizer;
		this.statistics = new Float32Array(optimizer.layers.length * STATISTICS.length);
		checkKeys(options, 'options', ATTACH_KEYS);
		const convolutions = options.convolutions ?? [];
		if (!Array.isArray(convolutions)) throw invalidArgument('an array of layer names', 'convolutions', convolutions);
		const unknown = convolutions.findIndex((name) => !optimizer.layerNames.includes(name as string));
		if (unknown >= 0) {
			throw invalidArgument(
				`one of ${optimizer.layerNames.join(', ')}`,
				`convolutions[${unknown}]`,
				convolutions[unknown],
			);
		}
		controller.start(
			optimizer.layers.map(({ name, size }) => ({ name, size, type: convolutions.includes(name) ? 'conv' : 'dense' })),
			{ algorithm: optimizer.algorithm },
			{
				save: () => {
					this.#parameters = optimizer.layers.flatMap(({ parameters }) => parameters.map((array) => array.slice()));
					this.#state = optimizer.state();
				},
				restore: () => {
					const arrays = optimizer.layers.flatMap(({ parameters }) => parameters);
					for (const [i, array] of arrays.entries()) array.set(this.#parameters[i] as Float32Array);
					if (this.#state !== undefined) optimizer.restore(this.#state);
				},
			},
		);
	}

	/** `[layers]` of the next step; the controller's own array. */
	get learningRates(): Float32Array {
		return this.controller.learningRates;
	}

	/**
	 * One step on the gradients that lie in the optimizer's arrays. The first calls, while `controller.probing`, look at the gradients
	 * and change no parameter; they count towards the horizon.
	 * @param losses of the mini-batch the gradients are of
	 * @throws GannoError as `LayerwiseOptimizer.step` and `LayerwiseController.observe`
	 */
	step(losses?: number | Losses, options?: StepOptions): void {
		const { controller, optimizer, statistics } = this;
		if (controller.probing) optimizer.probe(controller.learningRates, statistics, options);
		else optimizer.step(controller.learningRates, statistics, options);
		controller.observe(statistics, losses);
	}
}

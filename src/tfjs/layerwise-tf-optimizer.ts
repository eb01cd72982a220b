import * as tf from '@tensorflow/tfjs';
import { invalidArgument } from '../arguments.js';
import type { ControlledOptimizer } from '../control/layerwise-controller.js';
import { LayerwiseController } from '../control/layerwise-controller.js';
import { brandClass, checkInstance } from '../copies.js';
import { GannoError } from '../errors.js';
import type { LayerwiseAlgorithm } from '../optimizer/algorithms.js';
import { RULES } from '../optimizer/rules.js';
import { LayerRates } from './layer-rates.js';
import { explainMissingKernel } from './missing-kernel.js';
import {
	type LayerwiseTfOptimizerOptions,
	type ResolvedTfOptimizerOptions,
	resolveTfOptimizerOptions,
} from './tf-optimizer-options.js';
import { forEveryCopy } from './tfjs-copies.js';
import type { BoundVariables } from './variables/bound-variables.js';
import { ExportedWeights, type NamedTensor, readWeights } from './variables/optimizer-weights.js';
import { isRegistered } from './variables/registered-variables.js';
import { gradientsByVariable } from './variables/tfjs-gradients.js';
import { TrainedVariables } from './variables/trained-variables.js';
import { groupVariables } from './variables/variable-layers.js';
import { warnOfUnnamed } from './variables/variable-names.js';

/**
 * A `tf.Optimizer` with one learning rate per layer and 14 statistics per layer and step: use it in
 * `model.compile({ optimizer })`, with `minimize` or with `applyGradients`. The step is ganno's fused native one, over host copies of the
 * variables; moments are never tensors. With the same settings it trains as `tf.train.adam` and the like do.
 *
 * A variable that gets no gradient in a step is not changed by it, nor are its moments: each variable has its own state as
 * long as it exists, independent of the variables that it takes steps with.
 *
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs';
 * import { LayerwiseTfOptimizer } from 'ganno/tfjs';
 *
 * const model = tf.sequential({ layers: [tf.layers.dense({ units: 3, activation: 'softmax', inputShape: [8] })] });
 * const optimizer = new LayerwiseTfOptimizer({ algorithm: 'adam', learningRate: 1e-3 });
 * model.compile({ optimizer, loss: 'categoricalCrossentropy' });
 * ```
 */
export class LayerwiseTfOptimizer extends tf.Optimizer {
	/** @nocollapse */
	static readonly className: string = 'LayerwiseTfOptimizer';

	readonly algorithm: LayerwiseAlgorithm;
	readonly #options: ResolvedTfOptimizerOptions;
	readonly #exported = new ExportedWeights();
	readonly #trained: TrainedVariables;
	readonly #rates: LayerRates;
	/** The variables of the last step. */
	#bound: BoundVariables | undefined;
	#controller: LayerwiseController | undefined;
	#controlled: ControlledOptimizer | undefined;
	/** The name of the controller at the time of saving, until a controller or a learning rate is set. */
	#savedControllerName: string | undefined;
	#loss: number | undefined;
	/** A report from before the controller started. */
	#validationLoss: number | undefined;
	#warnedOfController = false;
	#warnedOfNames = false;
	#disposed = false;

	/** @throws GannoError `INVALID_ARGUMENT` */
	constructor(options: LayerwiseTfOptimizerOptions) {
		super();
		this.#options = resolveTfOptimizerOptions(options);
		this.algorithm = this.#options.step.algorithm;
		this.#controller = this.#options.controller;
		this.#rates = new LayerRates(this.#options.learningRate, this.#options.layerOf);
		this.#trained = new TrainedVariables(this.#options.step);
	}

	/**
	 * The controller that sets the learning rates; undefined: they are constant. Set it after loading a model (models are saved without their
	 * controller), before the first step, or when the current one has reached its horizon. A new controller starts from the learning
	 * rates in its own options. `undefined` may be set at any time: every layer keeps its last learning rate until
	 * `learningRate` or `setLayerLearningRates` changes it, or another controller is set.
	 * @throws GannoError `INVALID_ARGUMENT` for a controller that controls another training, or while another one is in the middle of this
	 *   one; `DISPOSED`
	 */
	get controller(): LayerwiseController | undefined {
		return this.#controller;
	}

	set controller(controller: LayerwiseController | undefined) {
		this.#checkLive();
		if (controller === this.#controller) return;
		if (controller !== undefined) {
			checkInstance(controller, LayerwiseController, 'controller');
			if (controller.started) {
				throw new GannoError('INVALID_ARGUMENT', 'This controller controls a training already; make another one');
			}
			const current = this.#controlled?.controller;
			if (current !== undefined && !current.finished) {
				throw new GannoError(
					'INVALID_ARGUMENT',
					`The controller '${current.name}' is in the middle of this training, at step ${current.step}. ` +
						'To replace it all the same, set controller to undefined first',
				);
			}
		}
		if (this.#controlled !== undefined) {
			const { optimizer, learningRates } = this.#controlled;
			this.#rates.fix(optimizer.layerNames, learningRates);
		}
		this.#controlled = undefined;
		this.#controller = controller;
		this.#savedControllerName = undefined;
	}

	/** Of layers without their own. Without a controller it may be set, for instance by your own schedule. */
	get learningRate(): number {
		return this.#rates.common;
	}

	set learningRate(value: number) {
		this.#checkUncontrolled();
		this.#rates.common = value;
		this.#savedControllerName = undefined;
	}

	/**
	 * Learning rates of single layers, in place of {@link learningRate}.
	 * @param rates by layer name; layers left out use {@link learningRate}
	 * @throws GannoError `INVALID_ARGUMENT`, also with a controller; a later step throws it where no variable of tfjs belongs to a layer
	 *   of that name
	 */
	setLayerLearningRates(rates: Readonly<Record<string, number>>): void {
		this.#checkUncontrolled();
		this.#rates.setLayerRates(rates, this.#bound?.layers);
		this.#savedControllerName = undefined;
	}

	/** Names of the layers, in the order of statistics and learning rates; empty before the first step. */
	get layerNames(): readonly string[] {
		return this.#bound?.layers.map(({ name }) => name) ?? [];
	}

	/** `[layers × 14]` of the last step, in the order of `STATISTICS`. The array belongs to the optimiser. */
	get statistics(): Float32Array {
		return this.#bound?.statistics ?? new Float32Array(0);
	}

	/** `[layers]` of the next step; empty before the first. */
	get learningRates(): Float32Array {
		if (this.#controller !== undefined) return this.#controlled?.learningRates ?? new Float32Array(0);
		return this.#bound === undefined ? new Float32Array(0) : this.#layerLearningRates(this.#bound);
	}

	override minimize(f: () => tf.Scalar, returnCost = false, varList?: tf.Variable[]): tf.Scalar | null {
		const { value, grads } = explainMissingKernel(() => this.computeGradients(f, varList));
		let returned = false;
		try {
			// A controller needs the loss on the host; without one it may stay on the device.
			if (this.#controller !== undefined) this.#loss = value.dataSync()[0];
			this.applyGradients(varList?.map(({ name }) => ({ name, tensor: grads[name] as tf.Tensor })) ?? grads);
			returned = returnCost;
		} finally {
			tf.dispose(grads);
			if (!returned) value.dispose();
		}
		return returned ? value : null;
	}

	/**
	 * Reports the loss of the next gradients to the controller, where `applyGradients` is called directly.
	 * @throws GannoError `INVALID_ARGUMENT` for what is not a number
	 */
	reportLoss(loss: number): void {
		if (typeof loss !== 'number') throw invalidArgument('a number', 'loss', loss);
		this.#loss = loss;
	}

	/**
	 * Reports the held-out loss to the controller: it counts at every decision until the next call. `model.fit` with `validationSplit`
	 * or `validationData`, and `model.fitDataset` with `validationData`, do so at the end of every epoch. A controller with the
	 * option `validationLoss` measures its own and ignores this.
	 * @param loss `undefined`: none any more. A loss that is not finite counts as diverged
	 * @throws GannoError `INVALID_ARGUMENT` for what is not a number
	 */
	reportValidationLoss(loss: number | undefined): void {
		if (loss !== undefined && typeof loss !== 'number') throw invalidArgument('a number or undefined', 'loss', loss);
		if (this.#controller?.started === true) this.#controller.reportValidationLoss(loss);
		else this.#validationLoss = loss;
	}

	/**
	 * @param variableGradients by the variables' names. As for tfjs's own optimisers, a gradient is broadcast to its variable's shape, and
	 *   integers and booleans are numbers
	 * @throws GannoError `INVALID_ARGUMENT`, also when a controller lacks the loss; `DIVERGED`, `DISPOSED`
	 */
	override applyGradients(variableGradients: tf.NamedTensorMap | NamedTensor[]): void {
		this.#checkLive();
		const loss = this.#loss;
		this.#loss = undefined;
		const gradients = gradientsByVariable(variableGradients);
		const bound = this.#bind([...gradients.keys()]);
		if (loss === undefined && this.#controller?.needsStatistics === true) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				`The controller '${this.#controller.name}' decides by statistics and losses: call reportLoss(loss) before applyGradients, or use minimize or model.fit`,
			);
		}
		bound.read(gradients);
		const controlled = this.#controlled;
		if (controlled === undefined) {
			this.#warnOfController();
			bound.optimizer.step(this.#layerLearningRates(bound), bound.statistics);
			bound.write();
			this.incrementIterations();
		} else {
			const { controller } = controlled;
			const { probing, rollbacks } = controller;
			if (this.#validationLoss !== undefined) controller.reportValidationLoss(this.#validationLoss);
			this.#validationLoss = undefined;
			controlled.step(loss);
			bound.statistics.set(controlled.statistics);
			if (!probing || controller.rollbacks > rollbacks) bound.write();
			if (!probing) this.incrementIterations();
		}
	}

	/**
	 * `iter`, and the steps and moments of every existing variable that was trained, or was loaded and not yet trained. The tensors belong to
	 * this optimiser: the next call overwrites or frees them, and so does `dispose`.
	 * @throws GannoError (the promise rejects) `DISPOSED`
	 */
	override async getWeights(): Promise<NamedTensor[]> {
		this.#checkLive();
		return this.#exported.write(this.iterations, this.#trained.states(), RULES[this.algorithm].moments);
	}

	/**
	 * Replaces all state by the result of `getWeights`. Each variable gets its own at its next step, by name (docs/tfjs.md says how); the
	 * others start with a new state, and a warning is emitted. Learning rates are not part of it.
	 * @throws GannoError (the promise rejects) `INVALID_ARGUMENT`, `DISPOSED`; nothing has changed then
	 */
	override async setWeights(weightValues: NamedTensor[]): Promise<void> {
		this.#checkLive();
		const { iterations, states } = await readWeights(weightValues, RULES[this.algorithm].moments);
		this.#checkLive();
		this.#trained.load(states);
		this.iterations_ = iterations;
	}

	/**
	 * The argument of `fromConfig`. Functions and the controller cannot be saved: a loaded model has a constant learning rate until its
	 * {@link controller} is set, and warns once if it takes steps before that or a learning rate is set.
	 */
	override getConfig(): tf.serialization.ConfigDict {
		const { hyperparameters, nonFinite, clip } = this.#options.step;
		const controlledBy = this.#controller?.name ?? this.#savedControllerName;
		return {
			algorithm: this.algorithm,
			learningRate: this.learningRate,
			...(controlledBy === undefined ? {} : { controlledBy }),
			hyperparameters: { ...hyperparameters },
			...(nonFinite === undefined ? {} : { nonFinite }),
			...(clip === undefined ? {} : { clip: { ...clip } }),
		};
	}

	/** @nocollapse */
	static override fromConfig<T extends tf.serialization.Serializable>(
		cls: tf.serialization.SerializableConstructor<T>,
		config: tf.serialization.ConfigDict,
	): T {
		const { customObjects: _tfjsOwn, controlledBy, ...options } = config; // tfjs adds the first when it loads a model
		const optimizer = new cls(options);
		if (#savedControllerName in optimizer && typeof controlledBy === 'string')
			optimizer.#savedControllerName = controlledBy;
		return optimizer;
	}

	/** Frees native memory and the tensors of `getWeights`. Idempotent. */
	override dispose(): void {
		this.#disposed = true;
		this.#trained.dispose();
		this.#bound = undefined;
		this.#exported.dispose();
	}

	/** The set of these variables, with their states. */
	#bind(variables: readonly tf.Variable[]): BoundVariables {
		if (variables.length === 0) throw new GannoError('INVALID_ARGUMENT', 'There are no gradients to apply');
		const known = this.#trained.find(variables);
		if (this.#controlled !== undefined && this.#controlled.optimizer !== known?.optimizer) {
			throw this.#notControlled(variables);
		}
		const bound = known ?? this.#open(variables);
		try {
			this.#trained.collectStates(bound); // an attached controller may save the state it starts from
			if (this.#controlled === undefined) this.#attach(bound);
		} catch (error) {
			if (known === undefined) this.#trained.close(bound);
			throw error;
		}
		this.#bound = bound;
		return bound;
	}

	#open(variables: readonly tf.Variable[]): BoundVariables {
		const { layerOf, layersByName } = this.#options;
		const layers = groupVariables(variables, layerOf);
		this.#rates.checkNames(layers);
		if (layersByName && !this.#warnedOfNames) this.#warnedOfNames = warnOfUnnamed(variables);
		return this.#trained.open(layers);
	}

	#attach({ layers, optimizer }: BoundVariables): void {
		const convolutions = layers.filter(({ type }) => type === 'conv').map(({ name }) => name);
		this.#controlled = this.#controller?.attach(optimizer, { convolutions });
	}

	#warnOfController(): void {
		if (this.#savedControllerName === undefined || this.#warnedOfController) return;
		this.#warnedOfController = true;
		process.emitWarning(
			`This model was trained under the controller '${this.#savedControllerName}', which is not saved with a model: now no controller drives ` +
				`the training, and the learning rate is ${this.learningRate} for good. Before the first step, set model.optimizer.controller to a ` +
				'controller (after controller.restore(state), if you have saved its state()), or model.optimizer.learningRate',
			{ type: 'GannoWarning', code: 'GANNO_NO_CONTROLLER' },
		);
	}

	#notControlled(variables: readonly tf.Variable[]): GannoError {
		const gone = this.#bound?.members.filter(({ variable }) => !isRegistered(variable)) ?? [];
		const advice = 'Give every model and every set of trainable variables an optimizer and a controller of its own';
		return new GannoError(
			'INVALID_ARGUMENT',
			gone.length > 0
				? `The controller controls the variables of its first step, of which ${gone.map(({ variable }) => variable.name).join(', ')} ` +
						`was disposed; a variable made anew under the same name is another one. ${advice}`
				: `The controller controls the layers ${this.layerNames.join(', ')}, all variables in every step; now there are gradients for ` +
						`${variables.map(({ name }) => name).join(', ')}. ${advice}`,
		);
	}

	#layerLearningRates({ layers, learningRates }: BoundVariables): Float32Array {
		for (const [l, { name }] of layers.entries()) learningRates[l] = this.#rates.of(name);
		return learningRates;
	}

	#checkLive(): void {
		if (this.#disposed) throw new GannoError('DISPOSED', 'This LayerwiseTfOptimizer was disposed; make a new one');
	}

	#checkUncontrolled(): void {
		if (this.#controller !== undefined) {
			throw new GannoError('INVALID_ARGUMENT', `The controller '${this.#controller.name}' sets the learning rates`);
		}
	}
}

brandClass(LayerwiseTfOptimizer, 'LayerwiseTfOptimizer');
forEveryCopy('core', ({ serialization }) => serialization.registerClass(LayerwiseTfOptimizer));

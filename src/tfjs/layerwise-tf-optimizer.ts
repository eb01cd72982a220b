import * as tf from '@tensorflow/tfjs';
import { checkNumber, checkObject, invalidArgument } from '../arguments.js';
import type { ControlledOptimizer } from '../control/controlled-optimizer.js';
import type { LayerwiseController } from '../control/layerwise-controller.js';
import { GannoError } from '../errors.js';
import type { LayerwiseAlgorithm } from '../optimizer/algorithms.js';
import { MOMENT_COUNT } from '../optimizer/rules.js';
import type { BoundVariables } from './bound-variables.js';
import { checkGradient } from './gradients.js';
import { ExportedWeights, type NamedTensor, readWeights } from './optimizer-weights.js';
import { isRegistered, registeredVariable, registeredVariables } from './registered-variables.js';
import {
	type LayerwiseTfOptimizerOptions,
	type ResolvedTfOptimizerOptions,
	resolveTfOptimizerOptions,
} from './tf-optimizer-options.js';
import { TrainedVariables } from './trained-variables.js';
import { groupVariables, type VariableLayer } from './variable-layers.js';

/**
 * A `tf.Optimizer` with one learning rate per layer and 14 statistics per layer and step: use it in
 * `model.compile({ optimizer })`, with `minimize` or with `applyGradients`. The step is ganno's fused native one, over host copies of the
 * variables; moments are never tensors. With the same settings it trains as `tf.train.adam` and the like do.
 *
 * A variable that gets no gradient in a step is not changed by it, nor are its moments: each variable has a state of its own, for as
 * long as it lives, whatever other variables it takes steps with.
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
	readonly controller: LayerwiseController | undefined;
	readonly #options: ResolvedTfOptimizerOptions;
	readonly #exported = new ExportedWeights();
	readonly #trained: TrainedVariables;
	#learningRate: number;
	#layerRates: ReadonlyMap<string, number> = new Map();
	/** The variables of the last step. */
	#bound: BoundVariables | undefined;
	#controlled: ControlledOptimizer | undefined;
	#loss: number | undefined;
	#disposed = false;

	/** @throws GannoError `INVALID_ARGUMENT` */
	constructor(options: LayerwiseTfOptimizerOptions) {
		super();
		this.#options = resolveTfOptimizerOptions(options);
		this.algorithm = this.#options.step.algorithm;
		this.controller = this.#options.controller;
		this.#learningRate = this.#options.learningRate;
		this.#trained = new TrainedVariables(this.#options.step);
	}

	/** Of layers without one of their own. Without a controller it may be set, by a schedule of yours for instance. */
	get learningRate(): number {
		return this.#learningRate;
	}

	set learningRate(value: number) {
		this.#checkUncontrolled();
		this.#learningRate = checkNumber(value, 'learningRate', 0);
	}

	/**
	 * Learning rates of single layers, in place of {@link learningRate}.
	 * @param rates by layer name; layers left out have none of their own
	 * @throws GannoError `INVALID_ARGUMENT`, also with a controller; a later step throws it where no variable of tfjs belongs to a layer
	 *   of that name
	 */
	setLayerLearningRates(rates: Readonly<Record<string, number>>): void {
		this.#checkUncontrolled();
		if (Object.prototype.toString.call(rates) !== '[object Object]') {
			throw invalidArgument('an object of learning rates by layer name', 'rates', rates); // a Map would be taken for an empty one
		}
		for (const [name, rate] of Object.entries(rates)) checkNumber(rate, `rates['${name}']`, 0);
		const given = new Map(Object.entries(rates));
		if (this.#bound !== undefined) this.#checkLayerRates(this.#bound.layers, given);
		this.#layerRates = given;
	}

	/** Names of the layers, in the order of statistics and learning rates; empty before the first step. */
	get layerNames(): readonly string[] {
		return this.#bound?.layers.map(({ name }) => name) ?? [];
	}

	/** `[layers × 14]` of the last step, in the order of `STATISTICS`: the optimiser's own array. */
	get statistics(): Float32Array {
		return this.#bound?.statistics ?? new Float32Array(0);
	}

	/** `[layers]` of the next step. */
	get learningRates(): Float32Array {
		if (this.#controlled !== undefined) return this.#controlled.learningRates;
		return this.#bound === undefined ? new Float32Array(0) : this.#layerLearningRates(this.#bound);
	}

	override minimize(f: () => tf.Scalar, returnCost = false, varList?: tf.Variable[]): tf.Scalar | null {
		const { value, grads } = this.computeGradients(f, varList);
		let returned = false;
		try {
			// A controller wants the loss; without one it may stay on the device.
			if (this.controller?.needsStatistics === true) this.#loss = value.dataSync()[0];
			this.applyGradients(varList?.map(({ name }) => ({ name, tensor: grads[name] as tf.Tensor })) ?? grads);
			returned = returnCost;
		} finally {
			tf.dispose(grads);
			if (!returned) value.dispose();
		}
		return returned ? value : null;
	}

	/**
	 * Tells a controller the loss that the next gradients are of, where `applyGradients` is called directly.
	 * @throws GannoError `INVALID_ARGUMENT` for what is not a number
	 */
	reportLoss(loss: number): void {
		if (typeof loss !== 'number') throw invalidArgument('a number', 'loss', loss);
		this.#loss = loss;
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
		checkObject(variableGradients, 'variableGradients');
		const given = Array.isArray(variableGradients)
			? variableGradients
			: Object.entries(variableGradients).map(([name, tensor]) => ({ name, tensor }));
		const gradients = new Map<tf.Variable, tf.Tensor>();
		for (const { name, tensor } of given) {
			if (tensor == null) continue;
			const variable = registeredVariable(name);
			if (variable === undefined) {
				throw new GannoError(
					'INVALID_ARGUMENT',
					`There is a gradient for '${name}', but tfjs knows no variable of that name`,
				);
			}
			checkGradient(variable, tensor);
			gradients.set(variable, tensor);
		}
		const bound = this.#bind([...gradients.keys()]);
		if (loss === undefined && this.controller?.needsStatistics === true) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				`The controller '${this.controller.name}' decides by statistics and losses: call reportLoss(loss) before applyGradients, or use minimize or model.fit`,
			);
		}
		bound.read(gradients);
		if (this.#controlled === undefined) {
			bound.optimizer.step(this.#layerLearningRates(bound), bound.statistics);
			bound.write();
			this.incrementIterations();
		} else {
			const { controller } = this.#controlled;
			const { probing, rollbacks } = controller;
			this.#controlled.step(loss);
			bound.statistics.set(this.#controlled.statistics);
			if (!probing || controller.rollbacks > rollbacks) bound.write();
			if (!probing) this.incrementIterations();
		}
	}

	/**
	 * `iter`, and the steps and moments of every variable that lives and was trained, or was loaded and not yet trained. The tensors stay
	 * this optimiser's: the next call writes into them or frees them, and so does `dispose`.
	 * @throws GannoError (the promise rejects) `DISPOSED`
	 */
	override async getWeights(): Promise<NamedTensor[]> {
		this.#checkLive();
		return this.#exported.write(this.iterations, this.#trained.states(), MOMENT_COUNT[this.algorithm]);
	}

	/**
	 * Replaces all state by what `getWeights` gave. Each variable takes its own at its next step, by name (docs/tfjs.md says how); the
	 * others start anew, which a warning tells. Learning rates are not part of it.
	 * @throws GannoError (the promise rejects) `INVALID_ARGUMENT`, `DISPOSED`; nothing has changed then
	 */
	override async setWeights(weightValues: NamedTensor[]): Promise<void> {
		this.#checkLive();
		const { iterations, states } = await readWeights(weightValues, MOMENT_COUNT[this.algorithm]);
		this.#checkLive();
		this.#trained.load(states);
		this.iterations_ = iterations;
	}

	/** What `fromConfig` takes. Functions and the controller cannot be saved: a loaded model has constant learning rates. */
	override getConfig(): tf.serialization.ConfigDict {
		const { hyperparameters, nonFinite, clip } = this.#options.step;
		return {
			algorithm: this.algorithm,
			learningRate: this.#learningRate,
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
		const { customObjects: _tfjsOwn, ...options } = config; // tfjs puts it there when it loads a model
		return new cls(options);
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
		const bound = this.#trained.find(variables) ?? this.#open(variables);
		this.#trained.gather(bound);
		this.#bound = bound;
		return bound;
	}

	#open(variables: readonly tf.Variable[]): BoundVariables {
		if (variables.length === 0) throw new GannoError('INVALID_ARGUMENT', 'There are no gradients to apply');
		const layers = groupVariables(variables, this.#options.layerOf);
		if (this.#controlled !== undefined) throw this.#notControlled(variables);
		this.#checkLayerRates(layers, this.#layerRates);
		const bound = this.#trained.open(layers);
		const convolutions = layers.filter(({ type }) => type === 'conv').map(({ name }) => name);
		try {
			this.#trained.gather(bound); // a controller may look at the state it starts from
			this.#controlled = this.controller?.attach(bound.optimizer, { convolutions });
		} catch (error) {
			this.#trained.close(bound);
			throw error;
		}
		return bound;
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
		for (const [l, { name }] of layers.entries()) learningRates[l] = this.#layerRates.get(name) ?? this.#learningRate;
		return learningRates;
	}

	/** A layer may be one that takes no part in this step: another set's, or frozen. */
	#checkLayerRates(layers: readonly VariableLayer[], rates: ReadonlyMap<string, number>): void {
		const unknown = [...rates.keys()].filter((name) => !layers.some((layer) => layer.name === name));
		if (unknown.length === 0) return;
		const others = new Set(registeredVariables().map(({ name }) => this.#options.layerOf(name)));
		const nobody = unknown.find((name) => !others.has(name));
		if (nobody === undefined) return;
		throw invalidArgument(
			`one of the layers ${layers.map(({ name }) => name).join(', ')}`,
			'a layer with a learning rate of its own',
			nobody,
		);
	}

	#checkLive(): void {
		if (this.#disposed) throw new GannoError('DISPOSED', 'This LayerwiseTfOptimizer was disposed; make a new one');
	}

	#checkUncontrolled(): void {
		if (this.controller !== undefined) {
			throw new GannoError('INVALID_ARGUMENT', `The controller '${this.controller.name}' sets the learning rates`);
		}
	}
}

tf.serialization.registerClass(LayerwiseTfOptimizer);

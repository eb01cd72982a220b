import * as tf from '@tensorflow/tfjs';
import { checkNumber, checkObject, invalidArgument } from '../arguments.js';
import type { ControlledOptimizer } from '../control/controlled-optimizer.js';
import { LayerwiseController } from '../control/layerwise-controller.js';
import { brandClass, checkInstance } from '../copies.js';
import { GannoError } from '../errors.js';
import type { LayerwiseAlgorithm } from '../optimizer/algorithms.js';
import type { ClipOptions, LayerwiseHyperparameters, NonFinitePolicy } from '../optimizer/options.js';
import { checkLayerwiseAlgorithm } from '../optimizer/options.js';
import { MOMENT_COUNT } from '../optimizer/rules.js';
import { BoundVariables, type VariableState } from './bound-variables.js';
import { explainMissingKernel } from './missing-kernel.js';
import {
	ExportedWeights,
	type LoadedWeights,
	type NamedTensor,
	readWeights,
	restoreWeights,
} from './optimizer-weights.js';
import { registerInEveryCopy, withTfjsCopiesAdvice } from './tfjs-copies.js';
import { groupVariables, layerOfVariable } from './variable-layers.js';

export interface LayerwiseTfOptimizerOptions {
	readonly algorithm: LayerwiseAlgorithm;
	/** Of all layers; default 0.001. Not with a controller, whose own option it is. */
	readonly learningRate?: number;
	/** Sets the learning rates, layer by layer. */
	readonly controller?: LayerwiseController;
	/** As {@link LayerwiseOptimizer}'s, except that `epsilon` of adam, adamw and rmsprop defaults to tfjs's own, 1e-7. */
	readonly hyperparameters?: LayerwiseHyperparameters;
	readonly nonFinite?: NonFinitePolicy;
	readonly clip?: ClipOptions;
	/** The layer a variable belongs to, by its name. Default: what stands before the last slash. */
	readonly layerOf?: (variableName: string) => string;
	readonly threads?: number;
}

const TFJS_EPSILON = 1e-7; // tf.backend().epsilon() of 32-bit back ends

function withEpsilon(algorithm: LayerwiseAlgorithm, given: LayerwiseHyperparameters = {}): LayerwiseHyperparameters {
	const usesEpsilon = algorithm === 'adam' || algorithm === 'adamw' || algorithm === 'rmsprop';
	return usesEpsilon ? { epsilon: TFJS_EPSILON, ...given } : given;
}

/**
 * A `tf.Optimizer` with one learning rate per layer and 14 statistics per layer and step: use it in
 * `model.compile({ optimizer })`, with `minimize` or with `applyGradients`. The step is ganno's fused native one, over host copies of the
 * variables; moments are never tensors. With the same settings it trains as `tf.train.adam` and the like do.
 *
 * A variable that gets no gradient in a step is not changed by it, nor are its moments.
 *
 * @example
 * const optimizer = new LayerwiseTfOptimizer({ algorithm: 'adam', learningRate: 1e-3 });
 * model.compile({ optimizer, loss: 'categoricalCrossentropy' });
 */
export class LayerwiseTfOptimizer extends tf.Optimizer {
	/** @nocollapse */
	static readonly className: string = 'LayerwiseTfOptimizer';

	readonly algorithm: LayerwiseAlgorithm;
	readonly controller: LayerwiseController | undefined;
	readonly #options: LayerwiseTfOptimizerOptions;
	readonly #hyperparameters: LayerwiseHyperparameters;
	readonly #exported = new ExportedWeights();
	/** States of variables that have no gradient in the current steps, by name. */
	readonly #parked = new Map<string, VariableState>();
	#learningRate: number;
	#layerRates: Readonly<Record<string, number>> = {};
	#rates = new Float32Array(0);
	#bound: BoundVariables | undefined;
	#controlled: ControlledOptimizer | undefined;
	#loaded: LoadedWeights | undefined;
	#loss: number | undefined;
	#disposed = false;

	/** @throws GannoError `INVALID_ARGUMENT` */
	constructor(options: LayerwiseTfOptimizerOptions) {
		super();
		checkObject(options, 'options');
		this.#options = options;
		this.algorithm = checkLayerwiseAlgorithm(options.algorithm);
		this.#hyperparameters = withEpsilon(this.algorithm, options.hyperparameters);
		const { controller, learningRate, layerOf } = options;
		if (controller !== undefined) checkInstance(controller, LayerwiseController, 'controller');
		if (controller !== undefined && learningRate !== undefined) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				'The learning rates are the controller’s: give options.learningRate to the controller, not to the optimizer',
			);
		}
		if (layerOf !== undefined && typeof layerOf !== 'function') throw invalidArgument('a function', 'layerOf', layerOf);
		this.controller = controller;
		this.#learningRate = checkNumber(learningRate ?? 1e-3, 'learningRate', 0);
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
	 * @throws GannoError `INVALID_ARGUMENT`, also with a controller, and when a step finds no layer of that name
	 */
	setLayerLearningRates(rates: Readonly<Record<string, number>>): void {
		this.#checkUncontrolled();
		checkObject(rates, 'rates');
		for (const [name, rate] of Object.entries(rates)) checkNumber(rate, `rates['${name}']`, 0);
		this.#layerRates = { ...rates };
		if (this.#bound !== undefined) this.#checkLayerRates(this.#bound);
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
		const { value, grads } = explainMissingKernel(() => this.computeGradients(f, varList));
		// A controller wants the loss; without one it may stay on the device.
		if (this.controller?.needsStatistics === true) this.#loss = value.dataSync()[0];
		try {
			this.applyGradients(varList?.map(({ name }) => ({ name, tensor: grads[name] as tf.Tensor })) ?? grads);
		} finally {
			tf.dispose(grads);
			if (!returnCost) value.dispose();
		}
		return returnCost ? value : null;
	}

	/** Tells a controller the loss that the next gradients are of, where `applyGradients` is called directly. */
	reportLoss(loss: number): void {
		this.#loss = loss;
	}

	/** @throws GannoError `INVALID_ARGUMENT`, also when a controller lacks the loss; `DIVERGED`, `DISPOSED` */
	override applyGradients(variableGradients: tf.NamedTensorMap | NamedTensor[]): void {
		if (this.#disposed) throw new GannoError('DISPOSED', 'This LayerwiseTfOptimizer was disposed; make a new one');
		const given = Array.isArray(variableGradients)
			? variableGradients
			: Object.entries(variableGradients).map(([name, tensor]) => ({ name, tensor }));
		const gradients = new Map<string, tf.Tensor>();
		for (const { name, tensor } of given) if (tensor != null) gradients.set(name, tensor);
		const bound = this.#bind([...gradients.keys()]);
		const loss = this.#loss;
		this.#loss = undefined;
		if (loss === undefined && this.controller?.needsStatistics === true) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				`The controller '${this.controller.name}' decides by statistics and losses: call reportLoss(loss) before applyGradients, or use minimize or model.fit`,
			);
		}
		bound.read(bound.variables.map(({ name }) => gradients.get(name) as tf.Tensor));
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

	/** `iter`, `steps` and the moments. The tensors stay this optimiser's: the next call writes into them, `dispose` frees them. */
	override getWeights(): Promise<NamedTensor[]> {
		return Promise.resolve(this.#exported.write(this.iterations, this.#bound));
	}

	/**
	 * Goes on with what `getWeights` gave, then or at the first step. Learning rates are not part of it.
	 * @throws GannoError `INVALID_ARGUMENT`
	 */
	override async setWeights(weightValues: NamedTensor[]): Promise<void> {
		const loaded = await readWeights(weightValues, MOMENT_COUNT[this.algorithm]);
		if (this.#bound === undefined) this.#loaded = loaded;
		else restoreWeights(this.#bound, loaded);
		this.iterations_ = loaded.iterations;
	}

	/** What `fromConfig` takes. Functions and the controller cannot be saved: a loaded model has constant learning rates. */
	override getConfig(): tf.serialization.ConfigDict {
		const { nonFinite, clip } = this.#options;
		return {
			algorithm: this.algorithm,
			learningRate: this.#learningRate,
			hyperparameters: { ...this.#hyperparameters },
			...(nonFinite === undefined ? {} : { nonFinite }),
			...(clip === undefined ? {} : { clip: { ...clip } }),
		};
	}

	/** @nocollapse */
	static override fromConfig<T extends tf.serialization.Serializable>(
		cls: tf.serialization.SerializableConstructor<T>,
		config: tf.serialization.ConfigDict,
	): T {
		return new cls(config);
	}

	/** Frees native memory and the tensors of `getWeights`. Idempotent. */
	override dispose(): void {
		this.#disposed = true;
		this.#bound?.dispose();
		this.#bound = undefined;
		this.#exported.dispose();
		this.#parked.clear();
	}

	/** The variables of these names under an optimiser: the one at hand, or a new one that goes on with what is known of them. */
	#bind(names: readonly string[]): BoundVariables {
		const registered = tf.engine().registeredVariables as Readonly<Record<string, tf.Variable | undefined>>;
		const variables = names.map((name) => {
			const variable = registered[name];
			if (variable === undefined) {
				throw new GannoError(
					'INVALID_ARGUMENT',
					withTfjsCopiesAdvice(`There is a gradient for '${name}', but tfjs knows no variable of that name (any more)`),
				);
			}
			return variable;
		});
		const old = this.#bound;
		if (old !== undefined && old.variables.length === variables.length) {
			const members = new Set<tf.Variable>(variables);
			if (old.variables.every((variable) => members.has(variable))) return old;
		}
		if (variables.length === 0) throw new GannoError('INVALID_ARGUMENT', 'There are no gradients to apply');
		const layers = groupVariables(variables, this.#options.layerOf ?? layerOfVariable);
		if (this.#controlled !== undefined) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				`The controller controls the layers ${this.layerNames.join(', ')}, all variables in every step; now there are gradients for ${names.join(', ')}. ` +
					'Give every model and every set of trainable variables an optimizer and a controller of its own',
			);
		}
		const { nonFinite, clip, threads } = this.#options;
		const bound = new BoundVariables(layers, {
			algorithm: this.algorithm,
			hyperparameters: this.#hyperparameters,
			...(nonFinite === undefined ? {} : { nonFinite }),
			...(clip === undefined ? {} : { clip }),
			...(threads === undefined ? {} : { threads }),
		});
		try {
			this.#checkLayerRates(bound);
			if (this.#loaded !== undefined) restoreWeights(bound, this.#loaded);
			if (old !== undefined) {
				for (const [i, state] of old.states().entries()) this.#parked.set(old.variables[i]?.name ?? '', state);
				bound.restore(({ name }) => this.#parked.get(name));
			}
			const convolutions = layers.filter(({ type }) => type === 'conv').map(({ name }) => name);
			this.#controlled = this.controller?.attach(bound.optimizer, { convolutions });
		} catch (error) {
			bound.dispose();
			throw error;
		}
		this.#loaded = undefined;
		old?.dispose();
		this.#bound = bound;
		return bound;
	}

	#layerLearningRates(bound: BoundVariables): Float32Array {
		const { layers } = bound;
		if (this.#rates.length !== layers.length) this.#rates = new Float32Array(layers.length);
		for (const [l, { name }] of layers.entries()) this.#rates[l] = this.#layerRates[name] ?? this.#learningRate;
		return this.#rates;
	}

	#checkLayerRates(bound: BoundVariables): void {
		for (const name of Object.keys(this.#layerRates)) {
			if (!bound.layers.some((layer) => layer.name === name)) {
				throw invalidArgument(
					`one of the layers ${bound.layers.map((layer) => layer.name).join(', ')}`,
					'a layer with a learning rate of its own',
					name,
				);
			}
		}
	}

	#checkUncontrolled(): void {
		if (this.controller !== undefined) {
			throw new GannoError('INVALID_ARGUMENT', `The controller '${this.controller.name}' sets the learning rates`);
		}
	}
}

brandClass(LayerwiseTfOptimizer, 'LayerwiseTfOptimizer');
registerInEveryCopy(LayerwiseTfOptimizer);

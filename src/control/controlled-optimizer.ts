import { checkKeys, invalidArgument, keysOf } from '../arguments.js';
import type { StepOptions } from '../optimizer/controls.js';
import type { LayerwiseOptimizer } from '../optimizer/layerwise-optimizer.js';
import type { OptimizerState } from '../optimizer/optimizer-state.js';
import { STATISTICS } from '../optimizer/statistics.js';
import type { LayerwiseController } from './layerwise-controller.js';
import type { Losses } from './losses.js';

export interface AttachOptions {
	/** Names of the layers that are convolutions, which policies are told; default none. */
	readonly convolutions?: readonly string[];
}

const ATTACH_KEYS = keysOf<AttachOptions>({ convolutions: true });

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

import * as tf from '@tensorflow/tfjs';
import { isInstance } from '../copies.js';
import { LayerwiseTfOptimizer } from './layerwise-tf-optimizer.js';
import { inEveryCopy } from './tfjs-copies.js';

/** Optimizers whose validation loss comes from `fit`, which then also takes it back. */
const told = new WeakSet<LayerwiseTfOptimizer>();

/**
 * Part of every `fit` and `fitDataset` of tfjs: hands the validation loss, where there is one at the end of an epoch, to the model's
 * optimizer. The optimizer itself sees no validation.
 */
class ValidationCallback extends tf.Callback {
	#optimizer: LayerwiseTfOptimizer | undefined;

	/** Not tf.Callback's, which knows the models of its own copy of tfjs only. */
	override setModel(model: tf.LayersModel): void {
		this.#optimizer = isInstance(model.optimizer, LayerwiseTfOptimizer) ? model.optimizer : undefined;
	}

	override async onEpochEnd(_epoch: number, logs: tf.Logs = {}): Promise<void> {
		const optimizer = this.#optimizer;
		if (optimizer?.controller === undefined) return;
		const given = logs.val_loss as tf.Scalar | number | undefined; // a tensor, as long as no callback before this one has read it
		if (given === undefined) {
			if (told.delete(optimizer)) optimizer.reportValidationLoss(undefined);
			return;
		}
		const loss = typeof given === 'number' ? given : ((await given.data())[0] as number);
		told.add(optimizer);
		optimizer.reportValidationLoss(loss);
	}
}

inEveryCopy('layers', (copy) => copy.registerCallbackConstructor(0, ValidationCallback));

import * as tf from '@tensorflow/tfjs';
import { isInstance } from '../copies.js';
import { LayerwiseTfOptimizer } from './layerwise-tf-optimizer.js';
import { forEveryCopy } from './tfjs-copies.js';

/** Optimizers whose validation loss was reported by `fit`, which also clears it. */
const reportedOptimizers = new WeakSet<LayerwiseTfOptimizer>();

/**
 * Part of every `fit` and `fitDataset` of tfjs: reports the validation loss at the end of an epoch, where there is one, to the model's
 * optimizer, which has no other access to it.
 */
class ValidationCallback extends tf.Callback {
	#optimizer: LayerwiseTfOptimizer | undefined;

	/** Overrides tf.Callback's, which accepts models of its own copy of tfjs only. */
	override setModel(model: tf.LayersModel): void {
		this.#optimizer = isInstance(model.optimizer, LayerwiseTfOptimizer) ? model.optimizer : undefined;
	}

	override async onEpochEnd(_epoch: number, logs: tf.Logs = {}): Promise<void> {
		const optimizer = this.#optimizer;
		if (optimizer?.controller === undefined) return;
		const reported = logs.val_loss as tf.Scalar | number | undefined; // a tensor until an earlier callback has read it
		if (reported === undefined) {
			if (reportedOptimizers.delete(optimizer)) optimizer.reportValidationLoss(undefined);
			return;
		}
		const loss = typeof reported === 'number' ? reported : ((await reported.data())[0] as number);
		reportedOptimizers.add(optimizer);
		optimizer.reportValidationLoss(loss);
	}
}

forEveryCopy('layers', (copy) => copy.registerCallbackConstructor(0, ValidationCallback));

import * as tf from '@tensorflow/tfjs';
import { invalidArgument } from '../arguments.js';

/**
 * Measures a model's loss on held-out data: for a controller's option `validationLoss`, which is called at every decision. Works with any
 * compiled metrics, and leaves no tensor behind.
 * @param x,y,options as for `model.evaluate`; the tensors belong to the caller, who keeps them as long as the controller is in use
 * @returns the loss of `model.evaluate`: the mean over the data
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs';
 * import { LayerwiseController } from 'ganno';
 * import { heldOutLoss } from 'ganno/tfjs';
 *
 * const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [8] })] });
 * const xs = tf.randomNormal([64, 8]);
 * const controller = LayerwiseController.fromPolicy('default', {
 *   learningRate: 1e-3,
 *   horizon: 400,
 *   validationLoss: heldOutLoss(model, xs, xs.sum(1, true)),
 * });
 * ```
 * @throws GannoError `INVALID_ARGUMENT` for what is not a tf.LayersModel; the function throws what `model.evaluate` does
 */
export function heldOutLoss(
	model: tf.LayersModel,
	x: tf.Tensor | tf.Tensor[],
	y: tf.Tensor | tf.Tensor[],
	options?: tf.ModelEvaluateArgs,
): () => number {
	if (typeof (model as Partial<tf.LayersModel> | null | undefined)?.evaluate !== 'function') {
		throw invalidArgument('a tf.LayersModel', 'model', model);
	}
	return () =>
		tf.tidy(() => {
			const [loss] = [model.evaluate(x, y, options)].flat(); // with metrics, or several outputs, an array that begins with it
			return loss?.dataSync()[0] as number;
		});
}

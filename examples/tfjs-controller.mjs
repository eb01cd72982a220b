// A tfjs model whose learning rates a policy sets, layer by layer, from a start that is far too low. What is new in a program of yours:
// the controller, and the optimizer in `compile`. Run it with: node examples/tfjs-controller.mjs [policy file] [initial learning rate] [epochs]
import * as tf from '@tensorflow/tfjs';
import { LayerwiseController } from 'ganno';
import { heldOutLoss, LayerwiseTfOptimizer, useBestBackend } from 'ganno/tfjs';

const [policy = 'default', learningRate = '1e-5', epochs = '10'] = process.argv.slice(2);
console.log('tfjs runs on', (await useBestBackend()).name);
const xs = tf.randomNormal([1280, 8], 0, 1, 'float32', 1);
const ys = xs.square().sum(1, true).greater(7.3).toFloat(); // inside or outside a sphere
const [trainX, heldOutX] = tf.split(xs, [1024, 256]);
const [trainY, heldOutY] = tf.split(ys, [1024, 256]);
const hidden = tf.layers.dense({ units: 32, activation: 'relu', inputShape: [8] });
const model = tf.sequential({ layers: [hidden, tf.layers.dense({ units: 1, activation: 'sigmoid' })] });
const validationLoss = heldOutLoss(model, heldOutX, heldOutY);
const horizon = Number(epochs) * (1024 / 32);
const controller = LayerwiseController.fromPolicy(policy, {
	learningRate: Number(learningRate),
	horizon,
	validationLoss,
});
const optimizer = new LayerwiseTfOptimizer({ algorithm: 'adam', controller });
model.compile({ optimizer, loss: 'binaryCrossentropy', metrics: ['accuracy'] });
console.log('held out before:', validationLoss().toFixed(4));
await model.fit(trainX, trainY, { epochs: Number(epochs), batchSize: 32, verbose: 0 });
console.log('held out after:', validationLoss().toFixed(4), 'learning rates:', controller.learningRates.join(' '));

// A policy file drives a training loop written by hand: logistic regression on points of your own, starting from a learning rate that
// is far too low. No environment, no population, no tfjs.
//
//   node examples/policy-training-loop.mjs [policy file] [initial learning rate] [steps]
import { LayerwiseController, LayerwiseOptimizer } from 'ganno';

// `default` is the policy of the package.
const [policy = 'default', initialRate = '1e-5', words = '600'] = process.argv.slice(2);
const STEPS = Number(words);
const FEATURES = 20;
const BATCH = 32;

let seed = 1;
const random = () => {
	seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
	return seed / 2 ** 31 - 1; // uniform in [-1, 1)
};
const truth = Float32Array.from({ length: FEATURES }, random);
const weights = new Float32Array(FEATURES);
const bias = new Float32Array(1);
const gradients = { weights: new Float32Array(FEATURES), bias: new Float32Array(1) };

/** Loss of fresh points; adds their gradients when `learn`. */
function batch(count, learn) {
	if (learn) {
		gradients.weights.fill(0);
		gradients.bias.fill(0);
	}
	let loss = 0;
	for (let n = 0; n < count; n++) {
		const x = Float32Array.from({ length: FEATURES }, random);
		const label = x.reduce((sum, value, i) => sum + value * truth[i], 0) > 0 ? 1 : 0;
		const logit = x.reduce((sum, value, i) => sum + value * weights[i], bias[0]);
		loss += (Math.max(logit, 0) - logit * label + Math.log1p(Math.exp(-Math.abs(logit)))) / count;
		if (!learn) continue;
		const error = (1 / (1 + Math.exp(-logit)) - label) / count;
		for (let i = 0; i < FEATURES; i++) gradients.weights[i] += error * x[i];
		gradients.bias[0] += error;
	}
	return loss;
}

const optimizer = new LayerwiseOptimizer({
	algorithm: 'adam',
	layers: [{ name: 'regression', parameters: [weights, bias], gradients: [gradients.weights, gradients.bias] }],
});
const controller = LayerwiseController.fromPolicy(policy, {
	learningRate: Number(initialRate),
	horizon: STEPS,
	validationLoss: () => batch(256, false),
	onDecision: ({ step, learningRates, trainingLoss, validationLoss }) =>
		console.log(
			`step ${String(step).padStart(4)}  loss ${trainingLoss.toFixed(4)}  held out ${validationLoss.toFixed(4)}  rate ${learningRates[0].toExponential(2)}`,
		),
});
const controlled = controller.attach(optimizer);
while (controller.step < STEPS) controlled.step(batch(BATCH, true));
console.log(`in the end: held out ${batch(1000, false).toFixed(4)}`);
optimizer.dispose();

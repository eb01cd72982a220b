// A layerwise optimiser over your own arrays: two classes on interleaved spirals, a network written out by hand, and one learning
// rate per layer, changed while training by what the statistics say.
//
//   node examples/layerwise-optimizer.mjs
import { LayerwiseOptimizer, STATISTICS } from 'ganno';

const HIDDEN = 32;
const POINTS = 200;
const STEPS = 1000;

// --- data: points of two spirals, class 0 and 1 ---
const points = Array.from({ length: POINTS }, (_, i) => {
	const label = i % 2;
	const radius = 0.2 + (0.8 * i) / POINTS;
	const angle = 5 * radius + Math.PI * label;
	return { x: radius * Math.cos(angle), y: radius * Math.sin(angle), label };
});

// --- a network of two layers; every array is a plain Float32Array of yours ---
let state = 1;
const random = () => {
	state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
	return state / 2 ** 31 - 1; // uniform in [-1, 1)
};
const hidden = {
	weights: new Float32Array(2 * HIDDEN).map(() => 2 * random()),
	bias: new Float32Array(HIDDEN).map(random),
};
const output = { weights: new Float32Array(HIDDEN).map(() => 0.5 * random()), bias: new Float32Array(1) };
const gradients = {
	hidden: { weights: new Float32Array(2 * HIDDEN), bias: new Float32Array(HIDDEN) },
	output: { weights: new Float32Array(HIDDEN), bias: new Float32Array(1) },
};

const layers = [
	{
		name: 'hidden',
		parameters: [hidden.weights, hidden.bias],
		gradients: [gradients.hidden.weights, gradients.hidden.bias],
	},
	{
		name: 'output',
		parameters: [output.weights, output.bias],
		gradients: [gradients.output.weights, gradients.output.bias],
	},
];
const optimizer = new LayerwiseOptimizer({ algorithm: 'adam', layers });

/** Writes all gradients of the mean logistic loss; returns the loss and the accuracy. */
function backward() {
	for (const { gradients: arrays } of layers) for (const array of arrays) array.fill(0);
	let loss = 0;
	let correct = 0;
	const activation = new Float32Array(HIDDEN);
	for (const { x, y, label } of points) {
		let logit = output.bias[0];
		for (let h = 0; h < HIDDEN; h++) {
			activation[h] = Math.tanh(x * hidden.weights[h] + y * hidden.weights[HIDDEN + h] + hidden.bias[h]);
			logit += activation[h] * output.weights[h];
		}
		const probability = 1 / (1 + Math.exp(-logit));
		loss -= Math.log(label === 1 ? probability : 1 - probability) / POINTS;
		if (probability > 0.5 === (label === 1)) correct++;
		const error = (probability - label) / POINTS;
		gradients.output.bias[0] += error;
		for (let h = 0; h < HIDDEN; h++) {
			gradients.output.weights[h] += error * activation[h];
			const inner = error * output.weights[h] * (1 - activation[h] ** 2);
			gradients.hidden.weights[h] += inner * x;
			gradients.hidden.weights[HIDDEN + h] += inner * y;
			gradients.hidden.bias[h] += inner;
		}
	}
	return { loss, accuracy: correct / POINTS };
}

const learningRates = Float32Array.of(1e-3, 1e-3);
const statistics = new Float32Array(layers.length * STATISTICS.length); // [layers × 14]
const UPDATE_RATIO = STATISTICS.indexOf('updateRatio');

for (let step = 0; step <= STEPS; step++) {
	const { loss, accuracy } = backward();
	if (step % 100 === 0) {
		const rates = [...learningRates].map((rate) => rate.toExponential(1)).join(' and ');
		console.log(
			`step ${String(step).padStart(4)}  loss ${loss.toFixed(4)}  accuracy ${(100 * accuracy).toFixed(1)} %  rates ${rates}`,
		);
	}
	optimizer.step(learningRates, statistics); // reads the gradients, changes the parameters, writes the statistics

	// A small controller of one's own: each layer's update should be about 0.2 % of its parameters in size.
	for (let layer = 0; layer < layers.length; layer++) {
		const ratio = statistics[layer * STATISTICS.length + UPDATE_RATIO];
		learningRates[layer] = Math.min(Math.max(learningRates[layer] * (ratio < 2e-3 ? 1.02 : 0.98), 1e-5), 0.1);
	}
}
optimizer.dispose();

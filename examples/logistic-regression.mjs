// Logistic regression by hand, with a learning rate per layer: node examples/logistic-regression.mjs
import { LayerwiseOptimizer, STATISTIC_INDEX, STATISTICS } from 'ganno';

// Who buys? Age counts in decades, income in euros: any one learning rate is far too small for the first or too large for the second.
const scatter = (i) => (Math.sin(12.9898 * i) * 43758.5453) % 1; // from -1 to 1, the same at every run
const people = Array.from({ length: 500 }, (_, i) => {
	const [age, income] = [3 * scatter(i + 0.1), 1000 * scatter(i + 0.2)]; // both from their means
	return { age, income, buys: Number(age - 0.003 * income + 0.5 * scatter(i + 0.3) > 0.5) };
});

// Both arrays are yours: you write the gradients before every step, the optimizer changes the parameters in place.
const layer = (name) => ({ name, parameters: new Float32Array(1), gradients: new Float32Array(1) });

function train(title, learningRates) {
	const [age, income, bias] = ['age', 'income', 'bias'].map(layer);
	const layers = [age, income, bias];
	const optimizer = new LayerwiseOptimizer({ algorithm: 'momentum', layers });
	const statistics = new Float32Array(layers.length * STATISTICS.length); // [layers × 14]
	for (let step = 0; step <= 200; step++) {
		let [loss, correct] = [0, 0];
		for (const { gradients } of layers) gradients.fill(0);
		for (const person of people) {
			const logit = age.parameters[0] * person.age + income.parameters[0] * person.income + bias.parameters[0];
			const error = (1 / (1 + Math.exp(-logit)) - person.buys) / people.length;
			age.gradients[0] += error * person.age;
			income.gradients[0] += error * person.income;
			bias.gradients[0] += error;
			loss += Math.log1p(Math.exp(person.buys ? -logit : logit)) / people.length;
			correct += Number(logit > 0) === person.buys ? 1 : 0;
		}
		optimizer.step(learningRates, statistics); // one pass: parameters changed, statistics written
		if (step % 40 !== 0) continue;
		const norms = layers.map((_, i) => statistics[i * 14 + STATISTIC_INDEX.gradientNorm].toFixed(4)).join(', ');
		const figures = `loss ${loss.toFixed(3)}, accuracy ${correct / 5} %, gradient norms ${norms}`;
		console.log(`${title}, step ${step}: ${figures}`);
	}
}
train('one rate', 1e-6);
train('a rate per layer', Float32Array.of(0.3, 1e-6, 1));

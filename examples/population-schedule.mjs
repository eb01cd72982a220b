// Four networks train side by side on real images, each with its own initial learning rate, all under a cosine schedule written here.
// Every native call trains all of them for 25 steps and brings back the statistics of every layer.
//
//   node examples/population-schedule.mjs [fashion-mnist | mnist | cifar-10 | synthetic] [steps]
import { loadDataset, NetworkPopulation, POPULATION_STATISTICS, syntheticDataset } from 'ganno';

const name = /** @type {import('ganno').DatasetName | 'synthetic'} */ (process.argv[2] ?? 'fashion-mnist');
const steps = Number(process.argv[3] ?? 1000);
const interval = 25;

const dataset =
	name === 'synthetic' ? syntheticDataset({ shape: [28, 28, 1], classes: 10, size: 2000 }) : await loadDataset(name);

const initialRates = [1e-4, 1e-3, 1e-2, 1e-1];
const population = new NetworkPopulation({
	spec: {
		input: dataset.shape,
		layers: [
			{ type: 'dense', units: 64, activation: 'relu' },
			{ type: 'dense', units: 32, activation: 'relu' },
			{ type: 'dense', units: dataset.classes },
		],
	},
	networks: initialRates.length,
	batchSize: 64,
	optimizer: { algorithm: 'adam' },
	dataset,
	seeds: Uint32Array.of(1, 2, 3, 4),
});
const networks = initialRates.length;
const layers = population.layers.length;

// Allocated once, written by every call.
const learningRates = new Float32Array(networks * layers);
const output = {
	statistics: new Float32Array(networks * layers * POPULATION_STATISTICS.length),
	trainingLoss: new Float32Array(networks * interval),
};
const GRADIENT_NORM = POPULATION_STATISTICS.indexOf('gradientNorm');

for (let step = 0; step < steps; step += interval) {
	const factor = 0.5 * (1 + Math.cos((Math.PI * step) / steps));
	for (let i = 0; i < learningRates.length; i++) learningRates[i] = initialRates[Math.floor(i / layers)] * factor;
	population.train(interval, learningRates, output);

	if ((step / interval) % 8 === 0) {
		const losses = initialRates.map((_, network) => output.trainingLoss[(network + 1) * interval - 1].toFixed(3));
		const norms = Array.from({ length: layers }, (_, layer) =>
			output.statistics[layer * POPULATION_STATISTICS.length + GRADIENT_NORM].toExponential(1),
		);
		console.log(
			`step ${String(step + interval).padStart(5)}  loss ${losses.join('  ')}  gradient norms of the first ${norms.join(' ')}`,
		);
	}
}

const evaluation = new Float32Array(networks * 2); // loss, accuracy
population.evaluate('test', evaluation);
initialRates.forEach((rate, network) => {
	console.log(`initial learning rate ${rate}: test accuracy ${(100 * evaluation[2 * network + 1]).toFixed(1)} %`);
});
population.dispose();

// A policy file drives the learning rates of networks that start far too low, far too high, and about right; the same networks with
// those learning rates left alone stand beside them. No tfjs is needed to use a policy.
//
//   node examples/policy-controller.mjs [policy file] [fashion-mnist | mnist | cifar-10 | synthetic] [steps]
import {
	loadDataset,
	loadPolicy,
	PolicyController,
	runEpisode,
	scheduleByName,
	syntheticDataset,
	TrainingEnvironment,
} from 'ganno';

// `default` is the policy of the package.
const [path = 'default', given = 'fashion-mnist', steps = '1000'] = process.argv.slice(2);
const name = /** @type {import('ganno').DatasetName | 'synthetic'} */ (given);
const dataset =
	name === 'synthetic' ? syntheticDataset({ shape: [28, 28, 1], classes: 10, size: 2000 }) : await loadDataset(name);
const policy = loadPolicy(path);

const initialRates = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1];
/** @type {import('ganno').TrainingTask} */
const task = {
	index: 0,
	spec: {
		input: dataset.shape,
		layers: [
			{ type: 'dense', units: 64, activation: 'relu' },
			{ type: 'dense', units: 32, activation: 'relu' },
			{ type: 'dense', units: dataset.classes },
		],
	},
	optimizer: { algorithm: 'adam' },
	batchSize: 64,
	horizon: Number(steps),
	interval: Number(steps) / 20, // the policy decides twenty times
	networks: initialRates.map((learningRate, n) => ({ seed: 1000 + n, learningRate })),
};

const environment = new TrainingEnvironment({ task, dataset, granularity: policy.spec.granularity });
const learned = runEpisode({ environment, controller: new PolicyController(policy) });
const constant = runEpisode({ environment, controller: scheduleByName('constant') });
environment.dispose();

const percent = (accuracy) => `${(100 * accuracy).toFixed(1)} %`.padStart(8);
console.log('initial rate   learned  constant   (test accuracy)');
initialRates.forEach((rate, n) => {
	console.log(
		`${String(rate).padEnd(12)} ${percent(learned.testAccuracy[n])}  ${percent(constant.testAccuracy[n])}` +
			(constant.diverged[n] ? '  constant diverged' : ''),
	);
});

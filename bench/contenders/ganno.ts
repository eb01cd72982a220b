/**
 * ganno's own contender of bench:children: ganno.js CASE [all]. Adam, all statistics, training loss every step; one network on one
 * thread, or with `all` two networks a core on all cores.
 */
import { availableParallelism } from 'node:os';
import { NetworkPopulation, POPULATION_STATISTICS, STATISTICS } from 'ganno';
import { caseNamed } from '../cases.js';
import { packageVersion } from '../support/machine.js';
import { randomDataset } from '../support/random-dataset.js';
import { serve } from './protocol.js';

/** Steps per native call: an environment's decision interval is longer, so this is no favour. */
const STEPS = 10;

const networks = process.argv[3] === 'all' ? 2 * availableParallelism() : 1;
const { spec } = caseNamed(process.argv[2] as string);
const layers = spec.layers.filter(({ type }) => type === 'dense' || type === 'conv').length;
const population = new NetworkPopulation({
	spec,
	networks,
	threads: networks === 1 ? 1 : availableParallelism(),
	batchSize: 64,
	optimizer: { algorithm: 'adam' },
	dataset: randomDataset(spec.input, 4096),
	seeds: Uint32Array.from({ length: networks }, (_, seed) => seed),
});
const learningRates = new Float32Array(networks * layers).fill(1e-3);
const statistics = new Float32Array(networks * layers * POPULATION_STATISTICS.length);
const trainingLoss = new Float32Array(networks * STEPS);

/** Every step's statistics must have arrived: a gradient norm above zero, and nothing counted as not finite. */
function checkStatistics(): void {
	for (let layer = 0; layer < networks * layers; layer++) {
		const at = layer * POPULATION_STATISTICS.length;
		const norm = statistics[at + STATISTICS.indexOf('gradientNorm')] as number;
		const nonFinite = statistics[at + STATISTICS.indexOf('nonFiniteCount')];
		if (!(norm > 0) || nonFinite !== 0) throw new Error(`layer ${layer} of ${process.argv[2]} has no sound statistics`);
	}
}

await serve(`ganno ${packageVersion('ganno')}`, () => {
	population.train(STEPS, learningRates, { statistics, trainingLoss });
	checkStatistics();
	const loss = trainingLoss.at(-1) as number;
	// A diverged network reports a loss of a million instead of NaN, and its steps cost nothing.
	return { steps: networks * STEPS, loss: loss < 100 ? loss : Number.NaN };
});
population.dispose();

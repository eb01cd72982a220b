/**
 * How many training steps of small networks a CUDA device does in a second, by the number of networks trained side by side, beside all
 * cores of the CPU. See docs/benchmarks.md.
 */
import { availableParallelism } from 'node:os';
import { devices, NetworkPopulation, POPULATION_STATISTICS, type PopulationDevice } from 'ganno';
import { CASES, type Case, operationsPerStep } from './cases.js';
import { baseVersions, loadAddon } from './support/machine.js';
import { parseOptions, progress, wanted } from './support/options.js';
import { randomDataset } from './support/random-dataset.js';
import { measured, type Row, report, unmeasured } from './support/report.js';

const BATCH = 64;
/** Steps of a native call: a decision interval. */
const INTERVAL = 50;
const REPLICAS = [1, 8, 32, 128, 512, 2048, 4096] as const;
const QUICK_REPLICAS = [8, 128] as const;

/** Trains intervals until the time is over. @returns network-steps a second */
function measure(population: NetworkPopulation, milliseconds: number): number {
	const { replicas } = population;
	const layers = population.layers.length;
	const learningRates = new Float32Array(replicas * layers).fill(1e-3);
	const out = {
		statistics: new Float32Array(replicas * layers * POPULATION_STATISTICS.length),
		trainingLoss: new Float32Array(replicas * INTERVAL),
		validation: new Float32Array(replicas * 3),
	};
	population.train(INTERVAL, learningRates, out); // records the graph, warms up
	const started = performance.now();
	let intervals = 0;
	do {
		population.train(INTERVAL, learningRates, out);
		intervals++;
	} while (performance.now() - started < milliseconds);
	const seconds = (performance.now() - started) / 1000;
	if (out.trainingLoss.some((loss) => !(loss < 100)))
		throw new Error('a network diverged: its steps would cost nothing');
	return (intervals * INTERVAL * replicas) / seconds;
}

function open({ spec }: Case, replicas: number, device: PopulationDevice): NetworkPopulation {
	return new NetworkPopulation({
		spec,
		replicas,
		batchSize: BATCH,
		optimizer: { algorithm: 'adam' },
		dataset: randomDataset(spec.input, 4096),
		seeds: Uint32Array.from({ length: replicas }, (_, seed) => seed),
		device,
	});
}

const options = parseOptions(
	'bench:population-device',
	'Network-steps a second of populations on every CUDA device, by size, and on all cores of the CPU.',
	{ rounds: 5, quickRounds: 1 },
);
const cuda = devices().filter((device) => device.kind === 'cuda');
const rows: Row[] = [];
const milliseconds = options.quick ? 300 : 2000;
for (const each of CASES.filter(({ name }) => wanted(options.cases, name))) {
	const label = (contender: string, replicas: number) => ({
		case: `${each.name}, ${replicas} network${replicas === 1 ? '' : 's'}`,
		contender,
		metric: 'network_steps_per_second',
		unit: 'steps/s',
	});
	const contenders: [PopulationDevice, number][] = [['cpu', 2 * availableParallelism()]];
	for (const device of cuda) {
		if (!device.available) {
			rows.push(unmeasured({ ...label('cuda', 1), case: each.name }, device.reason));
			continue;
		}
		for (const replicas of options.quick ? QUICK_REPLICAS : REPLICAS) contenders.push([device.name, replicas]);
	}
	const rates = contenders.map((): number[] => []);
	for (let round = 0; round < options.rounds; round++) {
		for (const [i, [device, replicas]] of contenders.entries()) {
			if (!wanted(options.contenders, device)) continue;
			progress(`${each.name}: round ${round + 1} of ${options.rounds}, ${replicas} networks on ${device}`);
			using population = open(each, replicas, device);
			rates[i]?.push(measure(population, milliseconds));
		}
	}
	for (const [i, [device, replicas]] of contenders.entries()) {
		const samples = rates[i] as number[];
		if (samples.length === 0) continue;
		rows.push(measured(label(device, replicas), samples));
		const operations = operationsPerStep(each.spec, BATCH);
		const rate = { ...label(device, replicas), metric: 'operations_per_second', unit: 'FLOP/s' };
		rows.push(
			measured(
				rate,
				samples.map((steps) => steps * operations),
			),
		);
	}
}
const versions = baseVersions();
for (const device of cuda) if (device.available) Object.assign(versions, { [device.name]: device.model });
report({ json: options.json, quick: options.quick, tier: loadAddon().cpuTier(), versions, rows, targets: [] });

import { NetworkPopulation, POPULATION_STATISTICS, type PopulationDevice, STATISTICS } from 'ganno';
import type { Case } from '../cases.js';
import { randomDataset } from '../support/random-dataset.js';

/** As bench/contenders/population_case.py. */
export const BATCH = 64;
export const IMAGES = 4096;
/** Steps of a native call: a decision interval. */
const INTERVAL = 50;

/** Something that trains the networks of a case when told to. It has warmed up when it is handed out. */
export interface PopulationContender {
	readonly name: string;
	/** Why it is not measured; undefined when it is. */
	readonly unavailable?: string | undefined;
	readonly version?: readonly [packageName: string, version: string] | undefined;
	readonly note?: string | undefined;
	/** @returns network-steps a second of wall time */
	run(milliseconds: number): Promise<number>;
	close(): Promise<void>;
}

export function unavailablePopulation(name: string, unavailable: string): PopulationContender {
	const refuse = (): Promise<never> => Promise.reject(new Error(`${name} is ${unavailable}`));
	return { name, unavailable, run: refuse, close: () => Promise.resolve() };
}

export interface OwnOptions {
	readonly device: PopulationDevice;
	readonly networks: number;
	readonly precision?: 'float32' | 'tf32';
	/** Whether every interval ends with the validation of 512 images, which no rival does. */
	readonly validates?: boolean;
}

/** ganno: intervals of 50 steps with all statistics and losses. What cannot be opened is unavailable, and says why. */
export function openOwn(name: string, { spec }: Case, own: OwnOptions): PopulationContender {
	const { device, networks, precision = 'float32', validates = false } = own;
	let population: NetworkPopulation;
	try {
		population = new NetworkPopulation({
			spec,
			networks,
			batchSize: BATCH,
			optimizer: { algorithm: 'adam' },
			dataset: randomDataset(spec.input, IMAGES),
			seeds: Uint32Array.from({ length: networks }, (_, seed) => seed),
			device,
			precision,
		});
	} catch (error) {
		return unavailablePopulation(name, `not measured: ${(error as Error).message}`);
	}
	const cells = networks * population.layers.length;
	const learningRates = new Float32Array(cells).fill(1e-3);
	const out = {
		statistics: new Float32Array(cells * POPULATION_STATISTICS.length),
		trainingLoss: new Float32Array(networks * INTERVAL),
		...(validates ? { validation: new Float32Array(networks * 3) } : {}),
	};
	const check = (): void => {
		// A diverged network reports a loss of a million instead of NaN, and its steps cost nothing.
		if (out.trainingLoss.some((loss) => !(loss < 100)))
			throw new Error(`${name}: a network diverged; nothing is reported`);
		const norm = STATISTICS.indexOf('gradientNorm');
		for (let cell = 0; cell < cells; cell++) {
			const value = out.statistics[cell * POPULATION_STATISTICS.length + norm] as number;
			if (!(value > 0)) throw new Error(`${name}: layer ${cell} has no sound statistics; nothing is reported`);
		}
	};
	population.train(INTERVAL, learningRates, out); // records the graph, warms up
	check();
	return {
		name,
		note: 'all statistics',
		run: (milliseconds) => {
			const started = performance.now();
			let intervals = 0;
			do {
				population.train(INTERVAL, learningRates, out);
				intervals++;
			} while (performance.now() - started < milliseconds);
			const seconds = (performance.now() - started) / 1000;
			check();
			return Promise.resolve((intervals * INTERVAL * networks) / seconds);
		},
		close: () => Promise.resolve(population.dispose()),
	};
}

/** Weights and biases of a network, as every contender must have them. */
export function parameterCount({ spec }: Case): number {
	using population = new NetworkPopulation({
		spec,
		networks: 1,
		batchSize: 1,
		optimizer: { algorithm: 'sgd' },
		dataset: randomDataset(spec.input, 16),
		seeds: Uint32Array.of(0),
		device: 'cpu',
	});
	return population.parameterCount;
}

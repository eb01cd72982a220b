import { invalidArgument } from '../../arguments.js';
import { GannoError } from '../../errors.js';
import { DIVERGED_LOSS } from '../../networks/population.js';
import { type Pretraining, pretrainingSeed } from '../../tasks/pretraining.js';
import type { TrainingTask } from '../../tasks/task.js';
import { runBaseline } from '../rewards/baseline.js';
import { type Population, type PopulationFactory, populationOutput } from './population-interface.js';

/** Elements of pre-trained parameters that are kept for the next episode from the same networks: 64 MB. */
const KEPT_ELEMENTS = 2 ** 24;

const PRETRAINING_DEFAULTS = { learningRate: 1e-3, optimizer: { algorithm: 'adam' }, batchSize: 32 } as const;

type ParameterAccess = Required<Pick<Population, 'parameters' | 'setParameters'>>;

/**
 * Sets the initial parameters that a task asks for: pre-trained ones, or weights of another scale. Each network's follow from the task and
 * its own seed alone; moments and counters are those of a new network.
 */
export class InitialStates {
	readonly #open: PopulationFactory;
	/** By pre-training and seed; the one used last is the last. */
	readonly #pretrained = new Map<string, Float32Array>();

	constructor(open: PopulationFactory) {
		this.#open = open;
	}

	/**
	 * @param population of the task; fresh from `seeds`
	 * @throws GannoError `INVALID_ARGUMENT`; `DIVERGED` when the loss of a pre-trained network is not finite
	 */
	apply(population: Population, task: TrainingTask, seeds: Uint32Array): void {
		const { pretraining, networks } = task;
		if (pretraining === undefined && networks.every(({ initialScales }) => initialScales === undefined)) return;
		const access = parameterAccess(population);
		const pretrained = pretraining === undefined ? undefined : this.#pretrainedParameters(task, seeds);
		const { layers } = population;
		for (const [n, { initialScales }] of networks.entries()) {
			const source = pretrained?.[n];
			if (source === undefined && initialScales === undefined) continue;
			const values = access.parameters(n);
			if (source !== undefined) {
				const output = pretraining?.keepOutputLayer === true ? 0 : (layers.at(-1)?.size ?? 0);
				values.set(source.subarray(0, values.length - output));
				const running = source.subarray(values.length);
				if (running.length > 0) population.setRunningStatistics?.(n, running);
			}
			if (initialScales !== undefined) scaleWeights(values, layers, initialScales, n);
			access.setParameters(n, values);
		}
	}

	/** The initial parameters of each network, pre-trained now or kept from an earlier episode. */
	#pretrainedParameters(task: TrainingTask, seeds: Uint32Array): Float32Array[] {
		const { pretraining } = task;
		if (pretraining === undefined) return [];
		const { networks: _, index: __, ...described } = pretrainingTask(task, []);
		const recipe = JSON.stringify(described);
		const sources = Array.from(seeds, (seed) => pretrainingSeed(pretraining, seed));
		const missing = [...new Set(sources)].filter((seed) => !this.#pretrained.has(`${seed} ${recipe}`));
		if (missing.length > 0) {
			for (const [i, values] of pretrain(pretrainingTask(task, missing), this.#open).entries()) {
				this.#pretrained.set(`${missing[i]} ${recipe}`, values);
			}
		}
		const found = sources.map((seed) => {
			const key = `${seed} ${recipe}`;
			const values = this.#pretrained.get(key) as Float32Array;
			this.#pretrained.delete(key);
			this.#pretrained.set(key, values);
			return values;
		});
		let elements = 0;
		for (const [key, { length }] of [...this.#pretrained].toReversed()) {
			elements += length;
			if (elements > KEPT_ELEMENTS) this.#pretrained.delete(key);
		}
		return found;
	}
}

/** The pre-training as a task of its own, for the networks of `seeds`; its slice is all of its data. */
function pretrainingTask(task: TrainingTask, seeds: readonly number[]): TrainingTask {
	const { steps, data, ...settings } = task.pretraining as Pretraining;
	const { learningRate, optimizer, batchSize } = { ...PRETRAINING_DEFAULTS, ...settings };
	return {
		index: task.index,
		spec: task.spec,
		optimizer,
		batchSize,
		horizon: steps,
		interval: steps,
		...(data === undefined ? {} : { data }),
		networks: seeds.map((seed) => ({ seed, learningRate })),
	};
}

/** @returns the parameters after the pre-training and the running statistics behind them, in the order of the task's networks */
function pretrain(task: TrainingTask, open: PopulationFactory): Float32Array[] {
	const { horizon, networks } = task;
	const population = open(
		task,
		Uint32Array.from(networks, ({ seed }) => seed),
	);
	try {
		const access = parameterAccess(population);
		const out = populationOutput(population.networks, population.layers.length, horizon);
		runBaseline(population, task, networks[0]?.learningRate as number, out);
		return networks.map(({ seed, learningRate }, n) => {
			if ((out.validation[n * 3] as number) < DIVERGED_LOSS) return parametersAndRunningStatistics(access, n);
			throw new GannoError(
				'DIVERGED',
				`The pre-training of the network with seed ${seed} diverged; lower task.pretraining.learningRate (${learningRate})`,
			);
		});
	} finally {
		population.dispose();
	}
}

/** Weights times their layer's scale; biases stay. */
function scaleWeights(
	values: Float32Array,
	layers: Population['layers'],
	scales: readonly number[],
	network: number,
): void {
	if (scales.length !== layers.length) {
		throw invalidArgument(
			`an array of length ${layers.length}, one a trainable layer`,
			`task.networks[${network}].initialScales`,
			scales,
		);
	}
	let start = 0;
	for (const [l, { size, weightShape }] of layers.entries()) {
		const weights = weightShape.reduce((product, edge) => product * edge, 1);
		for (let i = start; i < start + weights; i++) values[i] = (values[i] as number) * (scales[l] as number);
		start += size;
	}
}

function parametersAndRunningStatistics(population: ParameterAccess & Population, network: number): Float32Array {
	const parameters = population.parameters(network);
	const running = population.runningStatistics?.(network) ?? new Float32Array(0);
	const both = new Float32Array(parameters.length + running.length);
	both.set(parameters);
	both.set(running, parameters.length);
	return both;
}

function parameterAccess(population: Population): ParameterAccess & Population {
	if (typeof population.parameters === 'function' && typeof population.setParameters === 'function') {
		return population as ParameterAccess & Population;
	}
	throw new GannoError(
		'INVALID_ARGUMENT',
		'A task with initialScales or pretraining needs a population with parameters(network) and setParameters(network, values)',
	);
}

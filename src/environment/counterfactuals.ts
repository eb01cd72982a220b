import { types } from 'node:util';
import { invalidArgument } from '../arguments.js';
import type { PopulationControls } from '../networks/population-arguments.js';
import type { TrainableLayer } from '../networks/spec.js';
import { POPULATION_STATISTICS } from '../optimizer/statistics.js';
import type { TrainingTask } from '../tasks/task.js';
import { populationOutput } from './environment-buffers.js';
import type { Population, PopulationFactory, PopulationOutput } from './populations/population-interface.js';

/**
 * N networks with a fork beside them for each of their agents: in fork i of a network agent i does nothing, that is, its learning
 * rates stay what they were in the interval before. Every `train` forks afresh, so that all forks of an interval start from the
 * network as it is and see the same batches; none is ever continued. A step costs 1 + agents steps.
 *
 * In the population behind it network n is number n (1 + agents), and its forks follow.
 */
export class CounterfactualPopulation implements Population {
	readonly networks: number;
	readonly layers: readonly TrainableLayer[];
	/** `[networks × agents]` after `train` with a validation: the forks' losses */
	readonly forkLoss: Float32Array;
	/** Of the networks themselves; the forks get them at the next `train`. */
	readonly parameters?: (network: number) => Float32Array;
	readonly validationLogits?: (network: number, out?: Float32Array) => Float32Array;
	readonly setParameters?: (network: number, values: Float32Array) => void;
	readonly runningStatistics?: (network: number) => Float32Array;
	readonly setRunningStatistics?: (network: number, values: Float32Array) => void;
	readonly #population: Population;
	readonly #stride: number; // a network and its forks
	readonly #previous: Float32Array; // [networks × layers]
	readonly #rates: Float32Array; // [networks × layers]
	readonly #outputs = new Map<number, Required<PopulationOutput>>(); // by steps

	/** @param agents of a network: its layers, or 1 */
	constructor(factory: PopulationFactory, task: TrainingTask, seeds: Uint32Array, agents: number) {
		this.networks = seeds.length;
		this.#stride = 1 + agents;
		const networks = task.networks.flatMap((network) => Array.from({ length: this.#stride }, () => network));
		this.#population = factory({ ...task, networks }, this.#repeat(seeds));
		if (this.#population.fork === undefined) {
			this.#population.dispose();
			throw invalidArgument('a function (the reward difference forks networks)', 'population.fork', undefined);
		}
		this.layers = this.#population.layers;
		const population = this.#population;
		if (population.parameters !== undefined && population.setParameters !== undefined) {
			this.parameters = (network) => population.parameters?.(network * this.#stride) as Float32Array;
			this.setParameters = (network, values) => population.setParameters?.(network * this.#stride, values);
		}
		if (population.runningStatistics !== undefined && population.setRunningStatistics !== undefined) {
			this.runningStatistics = (network) => population.runningStatistics?.(network * this.#stride) as Float32Array;
			this.setRunningStatistics = (network, values) =>
				population.setRunningStatistics?.(network * this.#stride, values);
		}
		if (population.validationLogits !== undefined) {
			this.validationLogits = (network, out) =>
				population.validationLogits?.(network * this.#stride, out) as Float32Array;
		}
		this.forkLoss = new Float32Array(this.networks * agents);
		this.#previous = new Float32Array(this.networks * this.layers.length);
		this.#rates = new Float32Array(this.networks * this.#stride * this.layers.length);
	}

	train(
		steps: number,
		controls: Float32Array | PopulationControls,
		out: PopulationOutput,
		options?: { readonly baseSchedule?: Float32Array | undefined },
	): void {
		if (!types.isFloat32Array(controls)) {
			throw invalidArgument('learning rates alone (the reward difference knows no other)', 'controls', controls);
		}
		this.#fork();
		this.#spread(controls, this.#previous);
		this.#previous.set(controls);
		const all = this.#output(steps);
		const { statistics, trainingLoss } = all;
		this.#population.train(
			steps,
			this.#rates,
			out.validation === undefined ? { statistics, trainingLoss } : all,
			options,
		);
		this.#gather(all, out, steps);
		if (out.validation === undefined) return;
		const agents = this.#stride - 1;
		for (let n = 0; n < this.networks; n++) {
			for (let a = 0; a < agents; a++) {
				this.forkLoss[n * agents + a] = all.validation[(n * this.#stride + 1 + a) * 3]!;
			}
		}
	}

	probe(batches: number, learningRates: Float32Array, out: PopulationOutput): void {
		this.#spread(learningRates, learningRates);
		this.#previous.set(learningRates);
		const all = this.#output(batches);
		this.#population.probe(batches, this.#rates, all);
		this.#gather(all, out, batches);
	}

	evaluate(split: 'train' | 'validation' | 'test', out: Float32Array): void {
		const all = new Float32Array(this.networks * this.#stride * 2);
		this.#population.evaluate(split, all);
		this.#gatherRows(all, out, 2);
	}

	reset(seeds: Uint32Array): void {
		this.#population.reset(this.#repeat(seeds));
	}

	dispose(): void {
		this.#population.dispose();
	}

	#fork(): void {
		for (let n = 0; n < this.networks; n++) {
			const from = n * this.#stride;
			for (let to = from + 1; to < from + this.#stride; to++) this.#population.fork?.(from, to);
		}
	}

	/** Learning rates of every network: a fork's are the network's, but for those of its own agent. */
	#spread(rates: Float32Array, previous: Float32Array): void {
		const layers = this.layers.length;
		const one = this.#stride === 2; // one agent controls all layers (or there is one layer)
		for (let n = 0; n < this.networks; n++) {
			for (let r = 0; r < this.#stride; r++) {
				const row = (n * this.#stride + r) * layers;
				for (let l = 0; l < layers; l++) {
					const idle = r > 0 && (one || l === r - 1);
					this.#rates[row + l] = (idle ? previous : rates)[n * layers + l]!;
				}
			}
		}
	}

	#gather(all: Required<PopulationOutput>, out: PopulationOutput, steps: number): void {
		this.#gatherRows(all.statistics, out.statistics, this.layers.length * POPULATION_STATISTICS.length);
		this.#gatherRows(all.trainingLoss, out.trainingLoss, steps);
		if (out.validation !== undefined) this.#gatherRows(all.validation, out.validation, 3);
	}

	/** The networks' own rows. */
	#gatherRows(all: Float32Array, out: Float32Array, width: number): void {
		for (let n = 0; n < this.networks; n++) {
			const start = n * this.#stride * width;
			for (let i = 0; i < width; i++) out[n * width + i] = all[start + i]!;
		}
	}

	#repeat(seeds: Uint32Array): Uint32Array {
		return Uint32Array.from({ length: seeds.length * this.#stride }, (_, r) => seeds[Math.floor(r / this.#stride)]!);
	}

	#output(steps: number): Required<PopulationOutput> {
		const kept = this.#outputs.get(steps);
		if (kept !== undefined) return kept;
		const networks = this.networks * this.#stride;
		const made = populationOutput(networks, this.layers.length, steps);
		this.#outputs.set(steps, made);
		return made;
	}
}

import type {
	Population,
	PopulationFactory,
	PopulationOutput,
} from '../../src/environment/populations/population-interface.js';
import type { PopulationControls } from '../../src/networks/population-arguments.js';
import type { TrainableLayer } from '../../src/networks/spec.js';
import { POPULATION_STATISTICS, STATISTIC_INDEX } from '../../src/optimizer/statistics.js';
import { PhiloxGenerator } from '../../src/philox.js';
import type { TrainingTask } from '../../src/tasks/task.js';

const COUNT = POPULATION_STATISTICS.length;

export const FAKE_LAYERS: readonly TrainableLayer[] = [
	{ name: 'conv1', type: 'conv', size: 4, weightShape: [1, 1, 1, 3], biasShape: [1] },
	{ name: 'dense1', type: 'dense', size: 9, weightShape: [4, 2], biasShape: [1] },
	{ name: 'dense2', type: 'dense', size: 16, weightShape: [5, 3], biasShape: [1] },
];

/**
 * Networks one can follow by hand: one parameter w a layer, loss Σ w², gradient descent w ← w − η 2w. It converges for η < 1,
 * diverges for η > 1, and its initial weights follow from the seed.
 */
export class FakePopulation implements Population {
	readonly networks: number;
	readonly layers = FAKE_LAYERS;
	readonly calls: string[] = [];
	readonly learningRates: Float32Array[] = [];
	/** Of each `train`, where it was given more than learning rates. */
	readonly controls: (PopulationControls | undefined)[] = [];
	disposed = false;
	/** Forces a network's next validation losses, in order. */
	readonly forced = new Map<number, number[]>();
	readonly #weights: Float64Array;

	constructor(seeds: Uint32Array) {
		this.networks = seeds.length;
		this.#weights = new Float64Array(seeds.length * FAKE_LAYERS.length);
		this.#start(seeds);
	}

	#start(seeds: Uint32Array): void {
		for (const [n, seed] of seeds.entries()) {
			const generator = new PhiloxGenerator(seed, 'initialWeights');
			for (let l = 0; l < FAKE_LAYERS.length; l++) {
				this.#weights[n * FAKE_LAYERS.length + l] = generator.uniform(0.5, 1.5);
			}
		}
	}

	reset(seeds: Uint32Array): void {
		this.calls.push('reset');
		this.#start(seeds);
	}

	train(
		steps: number,
		controls: Float32Array | PopulationControls,
		out: PopulationOutput,
		options?: { readonly baseSchedule?: Float32Array | undefined },
	): void {
		const learningRates = controls instanceof Float32Array ? controls : controls.learningRates;
		this.calls.push('train');
		this.controls.push(controls instanceof Float32Array ? undefined : structuredClone(controls));
		this.learningRates.push(learningRates.slice());
		for (let k = 0; k < steps; k++) {
			for (let n = 0; n < this.networks; n++) {
				out.trainingLoss[n * steps + k] = this.#loss(n);
				for (let l = 0; l < FAKE_LAYERS.length; l++) {
					const i = n * FAKE_LAYERS.length + l;
					const rate = learningRates[i]! * (options?.baseSchedule?.[k] ?? 1);
					this.#write(out.statistics, i, rate);
					this.#weights[i] = this.#weights[i]! * (1 - 2 * rate);
				}
			}
		}
		this.#validate(out);
	}

	probe(batches: number, learningRates: Float32Array, out: PopulationOutput): void {
		this.calls.push('probe');
		for (let n = 0; n < this.networks; n++) {
			for (let k = 0; k < batches; k++) out.trainingLoss[n * batches + k] = this.#loss(n);
			for (let l = 0; l < FAKE_LAYERS.length; l++) {
				const i = n * FAKE_LAYERS.length + l;
				this.#write(out.statistics, i, learningRates[i]!);
			}
		}
		this.#validate(out);
	}

	evaluate(_split: 'train' | 'validation' | 'test', out: Float32Array): void {
		this.calls.push('evaluate');
		for (let n = 0; n < this.networks; n++) {
			out[n * 2] = this.#loss(n);
			out[n * 2 + 1] = 1 / (1 + this.#loss(n));
		}
	}

	dispose(): void {
		this.disposed = true;
	}

	#loss(network: number): number {
		let sum = 0;
		for (let l = 0; l < FAKE_LAYERS.length; l++) sum += this.#weights[network * FAKE_LAYERS.length + l]! ** 2;
		return sum;
	}

	#validate(out: PopulationOutput): void {
		if (out.validation === undefined) return;
		for (let n = 0; n < this.networks; n++) {
			const loss = this.forced.get(n)?.shift() ?? this.#loss(n);
			out.validation[n * 3] = loss;
			out.validation[n * 3 + 1] = 1 / (1 + loss);
			out.validation[n * 3 + 2] = 0;
		}
	}

	#write(statistics: Float32Array, index: number, rate: number): void {
		const weight = Math.abs(this.#weights[index]!);
		const start = index * COUNT;
		statistics.fill(0, start, start + COUNT);
		statistics[start + STATISTIC_INDEX.gradientNorm] = 2 * weight;
		statistics[start + STATISTIC_INDEX.parameterNorm] = weight;
		statistics[start + STATISTIC_INDEX.momentNorm] = 2 * weight;
		statistics[start + STATISTIC_INDEX.updateNorm] = 2 * weight * rate;
		statistics[start + STATISTIC_INDEX.updateRatio] = (2 * weight * rate) / (weight + 1e-12);
		statistics[start + STATISTIC_INDEX.gradientMomentCosine] = 1;
		statistics[start + STATISTIC_INDEX.gradientParameterCosine] = 1;
		statistics[start + STATISTIC_INDEX.gradientUpdateCosine] = rate > 0 ? -1 : 0;
		statistics[start + STATISTIC_INDEX.learningRate] = rate;
	}
}

/** A factory that remembers what it opened. */
export function fakePopulations(): { readonly factory: PopulationFactory; readonly opened: FakePopulation[] } {
	const opened: FakePopulation[] = [];
	return {
		opened,
		factory: (_task, seeds) => {
			const population = new FakePopulation(seeds);
			opened.push(population);
			return population;
		},
	};
}

/** A task for the fake: its spec is never read. */
export function fakeTask(
	options: Partial<TrainingTask> & { readonly learningRates?: readonly number[] } = {},
): TrainingTask {
	const { learningRates = [0.01, 0.1], ...rest } = options;
	return {
		index: 0,
		spec: { input: [2, 2, 1], layers: [{ type: 'dense', units: 2 }] },
		optimizer: { algorithm: 'sgd' },
		batchSize: 4,
		horizon: 20,
		interval: 5,
		networks: learningRates.map((learningRate, n) => ({ seed: n + 1, learningRate })),
		...rest,
	};
}

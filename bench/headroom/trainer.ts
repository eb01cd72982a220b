import { type Dataset, inferShapes, TrainingEnvironment, type TrainingTask } from 'ganno';
import { RandomNumbers } from '../support/random.js';
import type { Family } from './families.js';

/** Learning rates of a whole training: each layer's own cosine. */
export interface Candidate {
	/** `[layers]`, log10 of the first learning rate. */
	readonly rates: readonly number[];
	/** `[layers]`: where its cosine reaches 0, in horizons; 1 is the usual one. */
	readonly ends: readonly number[];
	/** The learning rate of a layer is multiplied by its initial scale to this power. */
	readonly follow: number;
}

/** Networks apart from those of every other block: seeds, and for fine-tuning the trained networks they start from. */
export interface Block {
	readonly seeds: readonly number[];
	readonly pretrainingSeeds: readonly number[];
}

/** `[seeds]` each, at the end of the training, over a whole split. */
export interface Scores {
	/** Of a network that diverged: that of guessing. */
	readonly accuracy: number[];
	/** Of a network that diverged: that of guessing, or its own where it is finite and worse. */
	readonly loss: number[];
	diverged: number;
}

/** How often learning rates change within a training. */
const INTERVALS = 20;
/** Networks trained side by side. */
const NETWORKS = 128;
/** Images judged on during the training, which nobody looks at. */
const WATCHED = 64;

/** Trains networks of one family under given learning rates. */
export class FamilyTrainer implements Disposable {
	readonly layers: number;
	/** Networks trained so far. */
	networks = 0;
	readonly #family: Family;
	readonly #dataset: Dataset;
	readonly #template: TrainingTask;
	readonly #environment: TrainingEnvironment;

	constructor(family: Family, dataset: Dataset) {
		const { batchSize, horizon, optimizer, sliceSize, data } = family;
		const spec = family.network(dataset);
		this.layers = inferShapes(spec).layers.length;
		this.#family = family;
		this.#dataset = dataset;
		this.#template = {
			index: 0,
			spec,
			optimizer,
			batchSize,
			horizon,
			interval: horizon / INTERVALS,
			...(sliceSize === undefined ? {} : { sliceSize }),
			...(data === undefined ? {} : { data }),
			validationSize: WATCHED,
			networks: [{ seed: 0, learningRate: 1e-3 }],
		};
		this.#environment = new TrainingEnvironment({ dataset, task: this.#template });
	}

	/** Every candidate on every seed of the block: comparisons are paired. */
	run(candidates: readonly Candidate[], block: Block, split: 'validation' | 'test'): Scores[] {
		const scores = candidates.map((): Scores => ({ accuracy: [], loss: [], diverged: 0 }));
		const pairs = candidates.flatMap((candidate, c) => block.seeds.map((seed) => ({ candidate, c, seed })));
		for (let from = 0; from < pairs.length; from += NETWORKS) {
			const chunk = pairs.slice(from, from + NETWORKS);
			const out = this.#train(chunk, block.pretrainingSeeds, split);
			for (const [n, { c }] of chunk.entries()) {
				const { accuracy, loss, diverged } = out[n] as (typeof out)[number];
				const score = scores[c] as Scores;
				score.accuracy.push(accuracy);
				score.loss.push(loss);
				score.diverged += diverged;
			}
		}
		return scores;
	}

	[Symbol.dispose](): void {
		this.#environment.dispose();
	}

	#train(
		networks: readonly { readonly candidate: Candidate; readonly seed: number }[],
		pretrainingSeeds: readonly number[],
		split: 'validation' | 'test',
	): { accuracy: number; loss: number; diverged: number }[] {
		const environment = this.#environment;
		const { layers } = this;
		const { pretraining } = this.#family;
		const scales = networks.map(({ seed }) => this.#scales(seed));
		const { infos } = environment.reset({
			...this.#template,
			...(pretraining === undefined ? {} : { pretraining: { ...pretraining, seeds: pretrainingSeeds } }),
			networks: networks.map(({ seed }, n) => {
				const own = scales[n];
				return { seed, learningRate: 1e-3, ...(own === undefined ? {} : { initialScales: own }) };
			}),
		});
		const learningRates = new Float32Array(networks.length * layers);
		for (let i = 0, done = false; i < INTERVALS && !done; i++) {
			for (const [n, { candidate }] of networks.entries()) {
				for (let l = 0; l < layers; l++) {
					const end = candidate.ends[l] as number;
					const progress = Math.min((i + 0.5) / INTERVALS / end, 1);
					const scale = scales[n]?.[l] ?? 1;
					const start = 10 ** (candidate.rates[l] as number) * scale ** candidate.follow;
					learningRates[n * layers + l] = start * 0.5 * (1 + Math.cos(Math.PI * progress));
				}
			}
			({ done } = environment.stepWithLearningRates(learningRates));
		}
		this.networks += networks.length;
		const final = new Float32Array(networks.length * 2);
		environment.evaluate(split, final);
		const chance = 1 / this.#dataset.classes;
		return networks.map((_, n) => {
			const diverged = infos.diverged[n] as number;
			const [loss, accuracy] = [final[n * 2] as number, final[n * 2 + 1] as number];
			return diverged === 1
				? { accuracy: chance, loss: Math.log(this.#dataset.classes), diverged }
				: { accuracy, loss, diverged };
		});
	}

	#scales(seed: number): readonly number[] | undefined {
		const { scales } = this.#family;
		if (scales === undefined) return undefined;
		if (!('decades' in scales)) return scales;
		const random = new RandomNumbers(seed);
		const drawn = Array.from({ length: this.layers }, () => random.uniform(-scales.decades, scales.decades));
		const mean = drawn.reduce((sum, value) => sum + value, 0) / this.layers;
		return drawn.map((value) => 10 ** (value - mean));
	}
}

import { checkInteger, invalidArgument } from '../../arguments.js';
import type { Algorithm } from '../../optimizer/algorithms.js';
import type { TrainingTask } from '../../tasks/task.js';
import type { BaselineLearningRate, RewardSettings } from '../agent-settings.js';
import { runBaseline } from '../rewards/baseline.js';
import { InitialStates } from './initial-states.js';
import type { Population, PopulationFactory, PopulationOutput } from './population-interface.js';

/** The population of an environment's episodes, reused while tasks have its shape. */
export class TaskPopulation {
	readonly #factory: PopulationFactory;
	readonly #reward: RewardSettings;
	readonly #initialStates: InitialStates;
	#population: Population | undefined;
	#key = '';
	#baselineKey = '';
	#baselineLoss = new Float32Array(0);

	constructor(factory: PopulationFactory, { reward, baselineLearningRate }: RewardSettings) {
		this.#factory = factory;
		this.#reward = { reward, baselineLearningRate };
		this.#initialStates = new InitialStates(factory);
	}

	/** Whether `open` will reuse the open population. */
	canReuse(task: TrainingTask): boolean {
		return this.#population !== undefined && this.#key === shapeKey(task);
	}

	/** Opens new networks for a task, in their initial state. */
	open(task: TrainingTask, seeds: Uint32Array): Population {
		if (this.#population !== undefined && this.canReuse(task)) {
			this.#population.reset(seeds);
		} else {
			this.dispose();
			this.#population = this.#factory(task, seeds);
			this.#key = shapeKey(task);
			this.#baselineKey = '';
			checkInteger(this.#population.networks, 'population.networks', task.networks.length, task.networks.length);
		}
		this.#initialStates.apply(this.#population, task, seeds);
		return this.#population;
	}

	/**
	 * The final validation losses of this task's networks under the baseline, `[networks]`: run once for the same task and seeds, before the
	 * episode. The population is reset afterwards.
	 * @param out is overwritten
	 * @returns undefined where the reward is another
	 */
	baselineLoss(task: TrainingTask, seeds: Uint32Array, out: Required<PopulationOutput>): Float32Array | undefined {
		if (this.#population === undefined || this.#reward.reward !== 'baseline') return undefined;
		const { horizon, optimizer, pretraining, networks } = task;
		const rate = rateOfBaseline(this.#reward.baselineLearningRate, optimizer.algorithm);
		const start = [pretraining, networks.map(({ initialScales }) => initialScales), [...seeds]];
		const key = JSON.stringify([horizon, rate, start]);
		if (key !== this.#baselineKey) {
			runBaseline(this.#population, task, rate, out);
			this.#population.reset(seeds);
			this.#initialStates.apply(this.#population, task, seeds);
			this.#baselineLoss = Float32Array.from(seeds, (_, n) => out.validation[n * 3]!);
			this.#baselineKey = key;
		}
		return this.#baselineLoss;
	}

	/** Idempotent. */
	dispose(): void {
		this.#population?.dispose();
		this.#population = undefined;
	}
}

function shapeKey({ spec, optimizer, batchSize, sliceSize, validationSize, data, networks }: TrainingTask): string {
	return JSON.stringify([spec, optimizer, batchSize, sliceSize, validationSize, data, networks.length]);
}

/** The learning rate of the baseline's cosine for a child optimiser. */
export function rateOfBaseline(rate: BaselineLearningRate | undefined, algorithm: Algorithm): number {
	const own = typeof rate === 'object' ? rate[algorithm] : rate;
	if (typeof own === 'number') return own;
	throw invalidArgument('a number', `baselineLearningRate.${algorithm}`, own, 'A task uses this child optimiser.');
}

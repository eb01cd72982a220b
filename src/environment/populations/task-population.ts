import { checkInteger } from '../../arguments.js';
import type { TrainingTask } from '../../tasks/task.js';
import { runBaseline } from '../rewards/baseline.js';
import { baselineLearningRate, type Reward, rewardName } from '../rewards/reward.js';
import { InitialStates } from './initial-states.js';
import type { Population, PopulationFactory, PopulationOutput } from './population-interface.js';

/** The population that an environment's episodes run on, one task after another: kept while tasks have its shape. */
export class TaskPopulation {
	readonly #factory: PopulationFactory;
	readonly #reward: Reward;
	readonly #initialStates: InitialStates;
	#population: Population | undefined;
	#key = '';
	#baselineKey = '';
	#baselineLoss = new Float32Array(0);

	constructor(factory: PopulationFactory, reward: Reward) {
		this.#factory = factory;
		this.#reward = reward;
		this.#initialStates = new InitialStates(factory);
	}

	/** Whether `open` will use the population at hand. */
	fits(task: TrainingTask): boolean {
		return this.#population !== undefined && this.#key === shapeKey(task);
	}

	/** New networks for a task, in the state that the task says they start in. */
	open(task: TrainingTask, seeds: Uint32Array): Population {
		if (this.#population !== undefined && this.fits(task)) {
			this.#population.reset(seeds);
		} else {
			this.dispose();
			this.#population = this.#factory(task, seeds);
			this.#key = shapeKey(task);
			this.#baselineKey = '';
			checkInteger(this.#population.networks, 'population.networks', task.networks.length, task.networks.length);
		}
		this.#initialStates.prepare(this.#population, task, seeds);
		return this.#population;
	}

	/**
	 * The final validation losses of this task's networks under the baseline, `[networks]`: run once for the same task and seeds, before the
	 * episode. The population is as new afterwards.
	 * @param out is overwritten
	 * @returns undefined where the reward is another
	 */
	baselineLoss(task: TrainingTask, seeds: Uint32Array, out: Required<PopulationOutput>): Float32Array | undefined {
		if (this.#population === undefined || rewardName(this.#reward) !== 'baseline') return undefined;
		const { horizon, optimizer, pretraining, networks } = task;
		const rate = baselineLearningRate(this.#reward, optimizer.algorithm);
		const start = [pretraining, networks.map(({ initialScales }) => initialScales), [...seeds]];
		const key = JSON.stringify([horizon, rate, start]);
		if (key !== this.#baselineKey) {
			runBaseline(this.#population, task, rate, out);
			this.#population.reset(seeds);
			this.#initialStates.prepare(this.#population, task, seeds);
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

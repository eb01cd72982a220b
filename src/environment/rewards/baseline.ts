import type { TrainingTask } from '../../tasks/task.js';
import type { Population, PopulationOutput } from '../populations/population-interface.js';

/**
 * The `baseline` reward's rival: the task's networks under one cosine from `learningRate` to 0 over the horizon, the same for all
 * layers. Leaves the population trained: reset it afterwards.
 * @param out its `validation` receives the final loss and accuracy
 */
export function runBaseline(
	population: Population,
	task: TrainingTask,
	learningRate: number,
	out: Required<PopulationOutput>,
): void {
	const { horizon, interval } = task;
	const learningRates = new Float32Array(population.networks * population.layers.length).fill(learningRate);
	const withoutValidation: PopulationOutput = { statistics: out.statistics, trainingLoss: out.trainingLoss };
	const baseSchedule = new Float32Array(interval);
	for (let t = 0; t < horizon; t += interval) {
		for (let k = 0; k < interval; k++) baseSchedule[k] = 0.5 * (1 + Math.cos((Math.PI * (t + k)) / horizon));
		const last = t + interval === horizon;
		population.train(interval, learningRates, last ? out : withoutValidation, { baseSchedule });
	}
}

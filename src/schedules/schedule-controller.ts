import type { ControlledTraining, Controller } from '../environment/controller.js';

/**
 * The factor on the initial learning rate at optimiser step `step` (0 … horizon − 1) of `horizon`.
 * Every schedule of this folder is one, except those that look at the networks.
 */
export type ScheduleFactor = (step: number, horizon: number) => number;

/**
 * A controller that leaves the initial learning rates of the task as they are, layer multipliers included, and multiplies them step
 * by step by a factor. Allocates at `reset` only.
 * @param needsHorizon whether the factor means nothing where the horizon is unknown (Infinity)
 */
export function scheduleController(name: string, factor: ScheduleFactor, needsHorizon = true): Controller {
	let task: ControlledTraining | undefined;
	let baseSchedule = new Float32Array(0);
	return {
		name,
		ignoresNetworks: true,
		needsHorizon,
		reset(next) {
			task = next;
			if (baseSchedule.length !== next.interval) baseSchedule = new Float32Array(next.interval);
		},
		decide({ decision, initialLearningRates, task: current }) {
			if (task !== current) this.reset(current);
			const start = decision * current.interval;
			for (let k = 0; k < baseSchedule.length; k++) baseSchedule[k] = factor(start + k, current.horizon);
			return { learningRates: initialLearningRates, baseSchedule };
		},
	};
}

import type { Controller } from '../environment/controller.js';
import { networkReward } from '../environment/reward.js';
import type { TrainingEnvironment } from '../environment/training-environment.js';
import type { EpisodeSlab } from './episode-slab.js';
import type { EpisodeJob } from './job.js';
import { writeFinalOutcomes, writeInitialOutcomes, writeTestOutcomes } from './outcomes.js';

/**
 * One episode of a task under any controller, its results written into a slab. Yields after every decision.
 * @param base multiplies the learning rates of a controller that has no base schedule of its own. `[horizon]`
 */
export function* runEpisode(
	environment: TrainingEnvironment,
	controller: Controller,
	job: EpisodeJob,
	slab: EpisodeSlab,
	base?: Float32Array,
): Generator<void, void> {
	const started = performance.now();
	let { infos } = environment.reset(job.task);
	controller.reset(job.task);
	writeInitialOutcomes(slab.outcomes, infos);
	slab.returns.fill(0);
	let done = infos.active.every((running) => running === 0);
	const { interval } = job.task;
	for (let decision = 0; !done; decision++) {
		const { learningRates, baseSchedule, actions } = controller.decide(environment.context);
		const multipliers = baseSchedule ?? base?.subarray(decision * interval, (decision + 1) * interval);
		const step = environment.stepWithLearningRates(learningRates, multipliers, actions);
		for (let n = 0; n < environment.networks; n++) {
			slab.returns[n] = (slab.returns[n] as number) + networkReward(step.rewards, n, environment.agents);
		}
		({ infos, done } = step);
		yield;
	}
	writeFinalOutcomes(slab.outcomes, infos);
	if (job.test) writeTestOutcomes(slab.outcomes, environment);
	slab.diverged.set(infos.diverged);
	slab.milliseconds[0] = performance.now() - started;
	slab.milliseconds[1] = environment.nativeMilliseconds;
}

import type { Controller } from '../environment/controller.js';
import { networkReward } from '../environment/rewards/reward.js';
import type { TrainingEnvironment } from '../environment/training-environment.js';
import { GannoError } from '../errors.js';
import { type EpisodeSlab, holdCourse, isTestPoint, noteTest, writeCourse } from './episode-slab.js';
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
	slab.course.learningRates.fill(0);
	slab.course.bestTestAccuracy.fill(Number.NaN);
	writeCourse(slab, 0, infos.validationLoss, infos.validationAccuracy);
	const { networks, decisions, layers } = environment;
	const tests = new Float32Array(networks * 2);
	let done = infos.active.every((running) => running === 0);
	const { interval } = job.task;
	let decision = 0;
	while (!done) {
		const decided = controller.decide(environment.context);
		const multipliers = decided.baseSchedule ?? base?.subarray(decision * interval, (decision + 1) * interval);
		const step = environment.stepWithLearningRates(decided, multipliers, decided.actions);
		for (let n = 0; n < networks; n++) {
			slab.returns[n] = (slab.returns[n] as number) + networkReward(step.rewards, n, environment.agents);
			const rates = step.infos.learningRates.subarray(n * layers, (n + 1) * layers);
			slab.course.learningRates.set(rates, (n * decisions + decision) * layers);
		}
		({ infos, done } = step);
		decision++;
		writeCourse(slab, decision, infos.validationLoss, infos.validationAccuracy);
		// The end is measured below, whenever it comes.
		if (job.testPoints > 1 && decision < decisions && isTestPoint(decision, decisions, job.testPoints)) {
			environment.evaluate('test', tests);
			noteTest(slab, tests);
		}
		if (isGivenUp(job.minimumAccuracies?.[decision - 1], infos.validationAccuracy)) break;
		yield;
	}
	holdCourse(slab, decision);
	writeFinalOutcomes(slab.outcomes, infos);
	if (job.testPoints > 0) {
		environment.evaluate('test', tests);
		writeTestOutcomes(slab.outcomes, tests);
		noteTest(slab, tests);
	}
	slab.diverged.set(infos.diverged);
	if (slab.parameters.length > 0) writeParameters(environment, slab);
	slab.milliseconds[0] = performance.now() - started;
	slab.milliseconds[1] = environment.nativeMilliseconds;
}

function isGivenUp(minimum: number | undefined, accuracies: Float32Array): boolean {
	return minimum !== undefined && accuracies.every((accuracy) => accuracy <= minimum);
}

function writeParameters(environment: TrainingEnvironment, { parameters, diverged }: EpisodeSlab): void {
	const size = parameters.length / diverged.length;
	for (let n = 0; n < diverged.length; n++) {
		const values = environment.parameters(n);
		if (values?.length !== size) throw new GannoError('INVALID_ARGUMENT', 'This population gives no parameters.');
		parameters.set(values, n * size);
	}
}

import type { Controller } from '../../environment/controller.js';
import { controlledSteps } from '../../environment/episode.js';
import type { TrainingEnvironment } from '../../environment/training-environment.js';
import { GannoError } from '../../errors.js';
import type { EpisodeJob } from '../job.js';
import type { EpisodeBuffer } from './episode-buffer.js';
import { EpisodeRecorder } from './episode-recorder.js';

/**
 * One episode of a task under any controller, its results written into a buffer. Yields after every decision.
 * @param baseSchedule as in {@link controlledSteps}
 */
export function* runControllerEpisode(
	environment: TrainingEnvironment,
	controller: Controller,
	job: EpisodeJob,
	buffer: EpisodeBuffer,
	baseSchedule?: Float32Array,
): Generator<void, void> {
	const recorder = new EpisodeRecorder(buffer, job.testPoints, (out) => environment.evaluate('test', out));
	const { infos } = environment.reset(job.task);
	recorder.begin(infos);
	const { networks, decisions, layers, agents } = environment;
	let decision = 0;
	for (const { rewards } of controlledSteps(environment, controller, baseSchedule)) {
		for (let n = 0; n < networks; n++) {
			buffer.returns[n] = (buffer.returns[n] as number) + (rewards[n * agents] as number);
			const rates = infos.learningRates.subarray(n * layers, (n + 1) * layers);
			buffer.history.learningRates.set(rates, (n * decisions + decision) * layers);
		}
		recorder.decided(infos);
		if (isGivenUp(job.minimumAccuracies?.[decision], infos.validationAccuracy)) break;
		decision++;
		yield;
	}
	recorder.end(infos);
	buffer.diverged.set(infos.diverged);
	if (buffer.parameters.length > 0) writeParameters(environment, buffer);
	recorder.stop(environment.nativeMilliseconds);
}

function isGivenUp(minimum: number | undefined, accuracies: Float32Array): boolean {
	return minimum !== undefined && accuracies.every((accuracy) => accuracy <= minimum);
}

function writeParameters(environment: TrainingEnvironment, { parameters, diverged }: EpisodeBuffer): void {
	const size = parameters.length / diverged.length;
	for (let n = 0; n < diverged.length; n++) {
		const values = environment.parameters(n);
		if (values?.length !== size) throw new GannoError('INVALID_ARGUMENT', 'This population gives no parameters.');
		parameters.set(values, n * size);
	}
}

import { GannoError } from '../errors.js';
import { inferShapes } from '../networks/shapes.js';
import { moduleUrl } from './controller-module.js';
import type { TrainerSpec } from './controller-spec.js';
import { type EpisodeShape, type EpisodeSlab, openEpisodeSlab } from './episode-slab.js';
import type { Episode, EpisodeResult, EpisodeSession } from './executor.js';
import type { EpisodeJob, Job } from './job.js';
import { checkEpisode } from './run-arguments.js';

export interface EpisodePlan {
	readonly job: EpisodeJob;
	readonly slab: EpisodeSlab;
}

/**
 * An episode as a job, and where its results will lie.
 * @param takesFunctions as in `JobQueueOptions`
 */
export function planEpisode(episode: Episode, testPoints: number, takesFunctions: boolean): EpisodePlan {
	checkEpisode(episode);
	const { task, minimumAccuracies, parameters = false } = episode;
	const controller = sendable(episode.controller, takesFunctions);
	const { layers, parameterCount } = inferShapes(task.spec);
	const shape: EpisodeShape = {
		networks: task.networks.length,
		decisions: task.horizon / task.interval,
		layers: layers.length,
		...(parameters ? { parameters: parameterCount } : {}),
	};
	const slab = openEpisodeSlab(shape);
	return {
		job: {
			kind: 'episode',
			task,
			controller,
			shape,
			slab: slab.buffer,
			testPoints,
			...(minimumAccuracies === undefined ? {} : { minimumAccuracies }),
		},
		slab,
	};
}

function sendable(controller: TrainerSpec, takesFunctions: boolean): TrainerSpec {
	if (controller.type === 'module') {
		return { type: 'module', module: moduleUrl(controller.module, 'episode.controller.module') };
	}
	if (controller.type === 'controller' && !takesFunctions) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			"A controller in memory cannot be sent to worker threads: put it into a module, as { type: 'module', module: './mine.mjs' }, or run without threads (workers: 0, an InProcessExecutor)",
		);
	}
	return controller;
}

export function episodeResult(episode: Episode, slab: EpisodeSlab): EpisodeResult {
	const { returns, outcomes, course, diverged, milliseconds, parameters } = slab;
	return {
		episode,
		returns,
		outcomes,
		course,
		diverged,
		milliseconds: { total: milliseconds[0] as number, native: milliseconds[1] as number },
		...(parameters.length === 0 ? {} : { parameters }),
	};
}

export function isAborted(signal: AbortSignal | undefined): boolean {
	return signal?.aborted === true;
}

export function cancelled(signal: AbortSignal | undefined): GannoError {
	return new GannoError('CANCELLED', 'The run was cancelled.', { cause: signal?.reason });
}

export interface QueuedSessionOptions {
	/** Jobs handed to `runJob` at once. */
	readonly width: number;
	/** The flag native code polls. */
	readonly cancel: Int32Array;
	readonly runJob: (job: Job) => Promise<void>;
	readonly testPoints: number;
	/** As in `JobQueueOptions`. */
	readonly takesFunctions: boolean;
	readonly signal: AbortSignal | undefined;
	readonly onClose: () => void;
}

/** A session over an executor's means of running jobs: `width` episodes at a time, the rest wait in the order they came. */
export class QueuedSession implements EpisodeSession {
	readonly #options: QueuedSessionOptions;
	readonly #waiting: (() => void)[] = [];
	readonly #running = new Set<Promise<unknown>>();
	#free: number;
	#closed = false;

	constructor(options: QueuedSessionOptions) {
		this.#options = options;
		this.#free = options.width;
		options.signal?.addEventListener('abort', this.#stop);
	}

	run(episode: Episode): Promise<EpisodeResult> {
		const result = this.#run(episode);
		this.#running.add(result);
		const done = (): void => {
			this.#running.delete(result);
		};
		result.then(done, done);
		return result;
	}

	async #run(episode: Episode): Promise<EpisodeResult> {
		const { signal, testPoints, takesFunctions, runJob } = this.#options;
		if (this.#closed) throw new GannoError('DISPOSED', 'This session was closed; open another one.');
		const { job, slab } = planEpisode(episode, testPoints, takesFunctions);
		if (this.#free > 0) this.#free--;
		else await new Promise<void>((resolve) => this.#waiting.push(resolve));
		try {
			if (this.#closed || isAborted(signal)) throw cancelled(signal);
			await runJob(job);
			return episodeResult(episode, slab);
		} catch (error) {
			throw isAborted(signal) ? cancelled(signal) : error;
		} finally {
			// The place goes to who waits, if anybody does.
			const next = this.#waiting.shift();
			if (next === undefined) this.#free++;
			else next();
		}
	}

	async [Symbol.asyncDispose](): Promise<void> {
		if (this.#closed) return;
		this.#closed = true;
		if (this.#running.size > 0) this.#stop();
		await Promise.allSettled(this.#running);
		this.#options.signal?.removeEventListener('abort', this.#stop);
		this.#options.onClose();
	}

	readonly #stop = (): void => {
		Atomics.store(this.#options.cancel, 0, 1);
	};
}

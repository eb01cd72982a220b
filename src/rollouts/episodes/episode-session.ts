import { GannoError } from '../../errors.js';
import { raiseCancellation } from '../../networks/population-resources.js';
import { inferShapes } from '../../networks/shapes.js';
import { moduleUrl } from '../controller-module.js';
import type { MethodSpec } from '../controller-spec.js';
import type { Episode, EpisodeResult, EpisodeSession } from '../executor.js';
import type { EpisodeJob, JobSite } from '../job.js';
import { checkEpisode } from '../run-arguments.js';
import { type EpisodeBuffer, type EpisodeShape, openEpisodeBuffer } from './episode-buffer.js';

export interface EpisodePlan {
	readonly job: EpisodeJob;
	readonly buffer: EpisodeBuffer;
}

/**
 * An episode as a job, and where its results will lie.
 * @param takesFunctions as in `JobSite`
 */
export function planEpisode(episode: Episode, testPoints: number, takesFunctions: boolean): EpisodePlan {
	checkEpisode(episode);
	const { task, minimumAccuracies, parameters = false } = episode;
	const method = sendable(episode.method, takesFunctions);
	const { layers, parameterCount } = inferShapes(task.spec);
	const shape: EpisodeShape = {
		networks: task.networks.length,
		decisions: task.horizon / task.interval,
		layers: layers.length,
		...(parameters ? { parameters: parameterCount } : {}),
	};
	const buffer = openEpisodeBuffer(shape);
	return {
		job: {
			kind: 'episode',
			task,
			method,
			shape,
			memory: buffer.memory,
			testPoints,
			...(minimumAccuracies === undefined ? {} : { minimumAccuracies }),
		},
		buffer,
	};
}

function sendable(method: MethodSpec, takesFunctions: boolean): MethodSpec {
	if (method.type === 'module') {
		return { type: 'module', module: moduleUrl(method.module, 'episode.method.module') };
	}
	if (method.type === 'controller' && !takesFunctions) {
		throw new GannoError(
			'INVALID_ARGUMENT',
			"A controller in memory cannot be sent to worker threads: put it into a module, as { type: 'module', module: './mine.mjs' }, or run without threads (workers: 0, an InProcessExecutor)",
		);
	}
	return method;
}

export function episodeResult(episode: Episode, buffer: EpisodeBuffer): EpisodeResult {
	const { returns, outcomes, history, diverged, milliseconds, parameters } = buffer;
	return {
		episode,
		returns,
		outcomes,
		history,
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
	/** As in `EpisodeJob`. */
	readonly testPoints: number;
	readonly signal: AbortSignal | undefined;
	readonly onClose: () => void;
}

/** A session over an executor's means of running jobs: `workers` episodes at a time, the rest wait in the order they came. */
export class QueuedSession implements EpisodeSession {
	readonly #site: JobSite;
	readonly #options: QueuedSessionOptions;
	readonly #waiting: (() => void)[] = [];
	readonly #running = new Set<Promise<unknown>>();
	#free: number;
	#closed = false;

	constructor(site: JobSite, options: QueuedSessionOptions) {
		this.#site = site;
		this.#options = options;
		this.#free = site.workers;
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
		const { takesFunctions, runJob } = this.#site;
		const { signal, testPoints } = this.#options;
		if (this.#closed) throw new GannoError('DISPOSED', 'This session was closed; open another one.');
		const { job, buffer } = planEpisode(episode, testPoints, takesFunctions);
		if (this.#free > 0) this.#free--;
		else await new Promise<void>((resolve) => this.#waiting.push(resolve));
		try {
			if (this.#closed || isAborted(signal)) throw cancelled(signal);
			await runJob(job);
			return episodeResult(episode, buffer);
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
		raiseCancellation(this.#site.resources);
	};
}

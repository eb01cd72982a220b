import { GannoError } from '../errors.js';
import { isCancelled, raiseCancellation } from '../networks/population-resources.js';
import { cancelled, isAborted } from './episodes/episode-session.js';
import type { Job, JobSite } from './job.js';

/** Runs jobs by whatever means an executor has: one run at a time, results in order, one failure or an abort stops the rest. */
export class JobQueue {
	readonly #site: JobSite;
	#running = false;
	#lanes: Promise<unknown> = Promise.resolve();

	constructor(site: JobSite) {
		this.#site = site;
	}

	/** A run begins. @throws GannoError `INVALID_ARGUMENT` while there is another, `CANCELLED` */
	begin(signal: AbortSignal | undefined): void {
		if (this.#running) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				'This executor is running already. Take all results of the first run (or leave its loop, or dispose of its session) before the next.',
			);
		}
		if (isAborted(signal)) throw cancelled(signal);
		this.#running = true;
		Atomics.store(this.#site.resources.cancellation, 0, 0);
	}

	end(): void {
		this.#running = false;
	}

	/** Stops what runs; resolves when nothing runs any more. */
	async stop(): Promise<void> {
		raiseCancellation(this.#site.resources);
		await this.#lanes;
	}

	/** Runs jobs `workers` at a time; yields their positions in order. */
	async *inOrder(jobs: readonly Job[], signal: AbortSignal | undefined): AsyncGenerator<number> {
		const { resources, workers, runJob } = this.#site;
		this.begin(signal);
		const stop = (): void => {
			raiseCancellation(resources);
		};
		signal?.addEventListener('abort', stop);

		const finished = jobs.map(() => new Completion());
		let next = 0;
		let failure: unknown;
		const lane = async (): Promise<void> => {
			while (next < jobs.length) {
				const position = next++;
				try {
					if (failure !== undefined || isCancelled(resources)) throw cancelled(signal);
					await runJob(jobs[position]!);
					finished[position]!.resolve();
				} catch (error) {
					failure ??= error;
					finished[position]!.reject(error);
				}
			}
		};
		const lanes = Promise.all(Array.from({ length: Math.min(workers, jobs.length) }, lane));
		this.#lanes = lanes;
		try {
			for (let position = 0; position < jobs.length; position++) {
				await finished[position]!.promise;
				yield position;
			}
		} catch (error) {
			// The job that failed first says why; those after it were only not begun.
			throw isAborted(signal) ? cancelled(signal) : (failure ?? error);
		} finally {
			// A failure or a consumer that left: nobody may still write into a buffer when the next run begins.
			stop();
			await lanes;
			signal?.removeEventListener('abort', stop);
			this.end();
		}
	}
}

/** A promise and its two ends; nobody need be waiting for it. */
class Completion {
	readonly promise: Promise<void>;
	resolve: () => void = () => {};
	reject: (reason: unknown) => void = () => {};

	constructor() {
		this.promise = new Promise((resolve, reject) => {
			this.resolve = resolve;
			this.reject = reject;
		});
		this.promise.catch(() => {});
	}
}

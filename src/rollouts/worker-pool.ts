import { FixedQueue, Piscina } from 'piscina';
import { deserializeError, GannoError, isError, type SerializedError } from '../errors.js';

/** What a worker answers: errors lose class and code in structured clone, so they travel as data. */
export type WorkerReply = { readonly ok: true } | { readonly ok: false; readonly error: SerializedError };

export interface WorkerPoolOptions {
	/** Path of the built worker. */
	readonly filename: string;
	/** Exported function that takes a job. */
	readonly handler: string;
	readonly workers: number;
	/** Given once to each worker, also to one that takes a dead one's place. */
	readonly workerData: unknown;
	/** How often a job is run again after its worker died (default 2). */
	readonly retries?: number;
	readonly isCancelled: () => boolean;
}

/**
 * Piscina with two additions: a job whose worker dies is run again on another one, and a pool that has lost its workers (Piscina
 * starts no more once one died while starting) is replaced.
 */
export class WorkerPool implements AsyncDisposable {
	readonly #options: WorkerPoolOptions;
	#pool: Piscina;
	#closing = false;

	constructor(options: WorkerPoolOptions) {
		this.#options = options;
		this.#pool = this.#open();
	}

	/** Live worker threads, for diagnosis and tests. */
	get threads(): Piscina['threads'] {
		return this.#pool.threads;
	}

	#open(): Piscina {
		const pool = new Piscina({
			filename: this.#options.filename,
			name: this.#options.handler,
			minThreads: this.#options.workers,
			maxThreads: this.#options.workers,
			// With Piscina's default, 'sync', a waiting worker's event loop stands still and native finalizers never run.
			atomics: 'async',
			idleTimeout: Number.POSITIVE_INFINITY,
			taskQueue: new FixedQueue(),
			recordTiming: false,
			workerData: this.#options.workerData,
		});
		// A worker that dies with a job rejects that job; one that dies idle has nothing to tell that its replacement does not mend.
		pool.on('error', () => {});
		pool.on('workerDestroy', () => {
			// After Piscina has had its turn to start a replacement.
			setImmediate(() => {
				if (this.#closing || pool !== this.#pool || pool.threads.length > 0) return;
				this.#pool = this.#open();
				void pool.destroy(); // rejects what was queued, which is then run again
			});
		});
		return pool;
	}

	/**
	 * Runs a job to its end.
	 * @throws GannoError the job's own error, or `WORKER_FAILED` when every try lost its worker
	 */
	async runJob(job: unknown): Promise<void> {
		const retries = this.#options.retries ?? 2;
		for (let attempt = 0; ; attempt++) {
			let reply: WorkerReply;
			try {
				reply = (await this.#pool.run(job)) as WorkerReply;
			} catch (error) {
				// The handler catches everything itself, so this is the worker's death, not the job's failure.
				if (this.#closing || this.#options.isCancelled()) {
					throw new GannoError('CANCELLED', 'The rollout was cancelled.', { cause: error });
				}
				if (attempt < retries) continue;
				throw new GannoError(
					'WORKER_FAILED',
					`A rollout's worker thread died ${attempt + 1} times in a row: ${isError(error) ? error.message : String(error)}. Try fewer workers (--workers), or 0 to run without threads and see the cause.`,
					{ cause: error },
				);
			}
			if (reply.ok) return;
			throw deserializeError(reply.error);
		}
	}

	async [Symbol.asyncDispose](): Promise<void> {
		if (this.#closing) return;
		this.#closing = true;
		await this.#pool.destroy();
	}
}

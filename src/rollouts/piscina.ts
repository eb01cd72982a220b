import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { requireAddressSpaceForWorkers } from '../address-space.js';
import { checkInteger, checkKeys, keysOf } from '../arguments.js';
import type { Dataset } from '../datasets/dataset.js';
import { GannoError } from '../errors.js';
import { native } from '../native.js';
import type { PopulationDevice, Precision } from '../networks/population-options.js';
import { packageRoot, withBundlerAdvice } from '../package-files.js';
import type { PolicySnapshot } from '../policy/policy.js';
import type { TrainingTask } from '../tasks/task.js';
import type {
	EnvironmentSettings,
	Episode,
	EpisodeResult,
	EpisodeSession,
	EvaluateEpisodesOptions,
	RolloutExecutor,
	RunOptions,
	Trajectory,
} from './executor.js';
import type { WorkerSetup } from './job.js';
import { JobQueue } from './job-queue.js';
import { checkEnvironmentSettings } from './run-arguments.js';
import { WorkerPool } from './worker-pool.js';

export interface PiscinaExecutorOptions {
	/** Given to each worker once; its arrays are shared, not copied. */
	readonly dataset: Dataset;
	readonly environment?: EnvironmentSettings;
	/** Worker threads; default one per core. */
	readonly workers?: number;
	/** Where networks are trained (default 'auto'): workers take these in turn, and several share a card, a stream each. */
	readonly devices?: readonly PopulationDevice[];
	/** Default 'float32'. */
	readonly precision?: Precision;
	/** How often a rollout is run again after its worker died (default 2). */
	readonly retries?: number;
}

const OPTION_NAMES = keysOf<PiscinaExecutorOptions>({
	dataset: true,
	environment: true,
	workers: true,
	devices: true,
	precision: true,
	retries: true,
});

/**
 * Rollouts on worker threads. A worker that dies loses its rollout, which is run again. Which worker runs a rollout, and how many
 * there are, changes no bit of it.
 */
export class PiscinaExecutor implements RolloutExecutor {
	readonly workers: number;
	readonly #cancel = new Int32Array(new SharedArrayBuffer(4));
	readonly #pool: WorkerPool;
	readonly #queue: JobQueue;

	constructor(options: PiscinaExecutorOptions) {
		checkKeys(options, 'options', OPTION_NAMES);
		const {
			dataset,
			environment = {},
			workers = availableParallelism(),
			devices = ['auto'],
			precision,
			retries,
		} = options;
		checkEnvironmentSettings(environment);
		this.workers = checkInteger(workers, 'workers', 1, 1024);
		// Threads load built JavaScript, also when the package itself runs from its sources (tests).
		const filename = join(packageRoot, 'dist', 'rollouts', 'worker.js');
		if (!existsSync(filename)) {
			throw new GannoError(
				'WORKER_FAILED',
				withBundlerAdvice(`${filename} is missing. In a clone, build the package first: npm run build.`),
			);
		}
		requireAddressSpaceForWorkers(this.workers);
		native(); // an addon that cannot be loaded is told here, once, and not by every worker
		const setup: WorkerSetup = {
			dataset,
			environment,
			cancel: this.#cancel,
			devices,
			precision,
			started: new Int32Array(new SharedArrayBuffer(4)),
		};
		this.#pool = new WorkerPool({
			filename,
			handler: 'runJob',
			workers: this.workers,
			workerData: setup,
			isCancelled: () => Atomics.load(this.#cancel, 0) !== 0,
			...(retries === undefined ? {} : { retries: checkInteger(retries, 'retries', 0, 100) }),
		});
		this.#queue = new JobQueue({
			environment,
			cancel: this.#cancel,
			width: this.workers,
			takesFunctions: false,
			runJob: (job) => this.#pool.run(job),
		});
	}

	/** The worker threads, for diagnosis. */
	get threads(): WorkerPool['threads'] {
		return this.#pool.threads;
	}

	run(tasks: readonly TrainingTask[], policy: PolicySnapshot, options?: RunOptions): AsyncGenerator<Trajectory> {
		return this.#queue.run(tasks, policy, options);
	}

	evaluate(episodes: readonly Episode[], options?: EvaluateEpisodesOptions): AsyncGenerator<EpisodeResult> {
		return this.#queue.evaluate(episodes, options);
	}

	session(options?: EvaluateEpisodesOptions): EpisodeSession {
		return this.#queue.session(options);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#queue.stop();
		await this.#pool[Symbol.asyncDispose]();
	}
}

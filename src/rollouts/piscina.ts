import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { requireAddressSpaceForWorkers } from '../address-space.js';
import { checkInteger, checkKeys, keysOf } from '../arguments.js';
import type { Dataset } from '../datasets/dataset.js';
import { GannoError } from '../errors.js';
import { native } from '../native.js';
import {
	isCancelled,
	type PopulationDevice,
	type PopulationResources,
	resourcesOf,
	withCancellation,
} from '../networks/population-resources.js';
import { packageRoot, withBundlerAdvice } from '../package-files.js';
import { checkEnvironmentSettings, type EnvironmentSettings } from './environment-settings.js';
import type { WorkerSetup } from './job.js';
import { JobExecutor } from './job-executor.js';
import { WorkerPool } from './worker-pool.js';

export interface PiscinaExecutorOptions extends Pick<PopulationResources, 'precision'> {
	/** Given to each worker once; its arrays are shared, not copied. */
	readonly dataset: Dataset;
	readonly environment?: EnvironmentSettings;
	/** Worker threads; default one per core. */
	readonly workers?: number;
	/** Where networks are trained (default 'auto'): workers take these in turn, and several share a card, a stream each. */
	readonly devices?: readonly PopulationDevice[];
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
export class PiscinaExecutor extends JobExecutor {
	readonly #pool: WorkerPool;

	constructor(options: PiscinaExecutorOptions) {
		checkKeys(options, 'options', OPTION_NAMES);
		const { dataset, environment = {}, devices = ['auto'], retries } = options;
		checkEnvironmentSettings(environment);
		const workers = checkInteger(options.workers ?? availableParallelism(), 'workers', 1, 1024);
		// Threads load built JavaScript, also when the package itself runs from its sources (tests).
		const filename = join(packageRoot, 'dist', 'rollouts', 'worker.js');
		if (!existsSync(filename)) {
			throw new GannoError(
				'WORKER_FAILED',
				withBundlerAdvice(`${filename} is missing. In a clone, build the package first: npm run build.`),
			);
		}
		requireAddressSpaceForWorkers(workers);
		native(); // an addon that cannot be loaded is told here, once, and not by every worker
		const resources = withCancellation(resourcesOf(options));
		const setup: WorkerSetup = {
			dataset,
			environment,
			resources,
			devices,
			started: new Int32Array(new SharedArrayBuffer(4)),
		};
		const pool = new WorkerPool({
			filename,
			handler: 'runJob',
			workers,
			workerData: setup,
			isCancelled: () => isCancelled(resources),
			...(retries === undefined ? {} : { retries: checkInteger(retries, 'retries', 0, 100) }),
		});
		super({
			environment,
			resources,
			workers,
			takesFunctions: false,
			runJob: (job) => pool.runJob(job),
			close: () => pool[Symbol.asyncDispose](),
		});
		this.#pool = pool;
	}

	/** The worker threads, for diagnosis. */
	get threads(): WorkerPool['threads'] {
		return this.#pool.threads;
	}
}

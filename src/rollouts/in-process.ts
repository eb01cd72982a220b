import { setImmediate as nextTurn } from 'node:timers/promises';
import { checkKeys, keysOf } from '../arguments.js';
import type { Dataset } from '../datasets/dataset.js';
import type { PopulationFactory } from '../environment/populations/population-interface.js';
import type { PopulationDevice, Precision } from '../networks/population-options.js';
import type { PolicySnapshot } from '../policy/policy.js';
import type { TrainingTask } from '../tasks/task.js';
import { withLoadedController } from './controller-module.js';
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
import type { Job } from './job.js';
import { JobQueue } from './job-queue.js';
import { JobRunner } from './job-runner.js';
import { checkEnvironmentSettings } from './run-arguments.js';

export interface InProcessExecutorOptions {
	readonly dataset: Dataset;
	readonly environment?: EnvironmentSettings;
	/** Threads of native calls; default all cores. */
	readonly threads?: number;
	/** Where networks are trained; default 'auto'. */
	readonly device?: PopulationDevice;
	/** Default 'float32'. */
	readonly precision?: Precision;
	/** Opens populations of another kind (tests). */
	readonly population?: PopulationFactory;
}

const OPTION_NAMES = keysOf<InProcessExecutorOptions>({
	dataset: true,
	environment: true,
	threads: true,
	device: true,
	precision: true,
	population: true,
});

/**
 * Rollouts one after another on the calling thread, which serves its event loop between decisions: for debugging, for tests and
 * where threads are not to be had. The same bits as the threaded executor.
 */
export class InProcessExecutor implements RolloutExecutor {
	readonly workers = 1;
	readonly #cancel = new Int32Array(new SharedArrayBuffer(4));
	readonly #runner: JobRunner;
	readonly #queue: JobQueue;

	constructor(options: InProcessExecutorOptions) {
		checkKeys(options, 'options', OPTION_NAMES);
		const { dataset, environment = {}, population, threads, device, precision } = options;
		checkEnvironmentSettings(environment);
		this.#runner = new JobRunner({
			dataset,
			environment,
			cancel: this.#cancel,
			device,
			precision,
			...(population === undefined ? {} : { population }),
			...(threads === undefined ? {} : { threads }),
		});
		this.#queue = new JobQueue({
			environment,
			cancel: this.#cancel,
			width: 1,
			takesFunctions: true,
			runJob: async (job: Job) => {
				for (const _ of this.#runner.run(await withLoadedController(job))) await nextTurn();
			},
		});
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
		this.#runner[Symbol.dispose]();
	}
}

import { createPolicyInference } from '../agents/inference.js';
import type { PopulationFactory } from '../environment/population.js';
import { type Reward, rewardName } from '../environment/reward.js';
import type { TrainingTask } from '../environment/task.js';
import { TrainingEnvironment } from '../environment/training-environment.js';
import { GannoError } from '../errors.js';
import type { PopulationDevice } from '../networks/population-options.js';
import { baseSchedule } from '../schedules/base-schedule.js';
import { openController } from './controller-spec.js';
import { runEpisode } from './episode.js';
import { openEpisodeSlab } from './episode-slab.js';
import type { EnvironmentSettings } from './executor.js';
import type { Job, WorkerSetup } from './job.js';
import { runRollout } from './rollout.js';
import { openTrajectorySlab } from './trajectory-slab.js';

/**
 * Environments kept open per worker. Each holds its population's memory; a run whose tasks have more shapes than this reopens
 * populations now and then, which costs milliseconds.
 */
const KEPT_ENVIRONMENTS = 4;

export interface JobRunnerSetup extends Omit<WorkerSetup, 'devices' | 'started'> {
	/** Opens populations of another kind (tests). */
	readonly population?: PopulationFactory;
	/** Threads of native calls; absent: 1 in a worker, else all cores. */
	readonly threads?: number;
	/** Where networks are trained; default 'auto'. */
	readonly device?: PopulationDevice | undefined;
}

/** Runs jobs one after another, on the thread it lives on; keeps environments between them by task shape. */
export class JobRunner implements Disposable {
	readonly #setup: JobRunnerSetup;
	/** By task shape; the one used last is the last. */
	readonly #environments = new Map<string, TrainingEnvironment>();

	constructor(setup: JobRunnerSetup) {
		this.#setup = setup;
	}

	/**
	 * Runs a job; yields between decisions, where a thread with an event loop to serve may turn it.
	 * @throws GannoError `CANCELLED` when the shared flag is set
	 */
	*run(job: Job): Generator<void, void> {
		this.#checkCancelled();
		const base = this.#baseSchedule(job.task);
		const environment = this.#environment(job.task, job.kind, base);
		const steps =
			job.kind === 'rollout'
				? runRollout(environment, createPolicyInference(job.policy), job, openTrajectorySlab(job.shape, job.slab))
				: runEpisode(
						environment,
						openController(job.controller),
						job,
						openEpisodeSlab(job.task.networks.length, job.slab),
						job.controller.type === 'policy' ? base : undefined,
					);
		for (;;) {
			this.#checkCancelled();
			if (steps.next().done === true) return;
			yield;
		}
	}

	[Symbol.dispose](): void {
		for (const environment of this.#environments.values()) environment.dispose();
		this.#environments.clear();
	}

	#checkCancelled(): void {
		if (Atomics.load(this.#setup.cancel, 0) !== 0) throw new GannoError('CANCELLED', 'The rollout was cancelled.');
	}

	#baseSchedule({ horizon }: TrainingTask): Float32Array | undefined {
		const { baseSchedule: name = 'constant' } = this.#setup.environment;
		return name === 'constant' ? undefined : baseSchedule(name, horizon);
	}

	#environment(task: TrainingTask, kind: Job['kind'], base: Float32Array | undefined): TrainingEnvironment {
		const { spec, optimizer, batchSize, horizon, interval, sliceSize, validationSize, data, networks } = task;
		const key = JSON.stringify([
			spec,
			optimizer,
			batchSize,
			horizon,
			interval,
			sliceSize,
			validationSize,
			data,
			networks.length,
			kind,
		]);
		let environment = this.#environments.get(key);
		if (environment === undefined) {
			for (const [oldest, unused] of this.#environments) {
				if (this.#environments.size < KEPT_ENVIRONMENTS) break;
				unused.dispose();
				this.#environments.delete(oldest);
			}
			const {
				environment: settings,
				dataset,
				population,
				cancel: cancellation,
				threads,
				device,
				precision,
			} = this.#setup;
			environment = new TrainingEnvironment({
				...environmentOptions(settings, kind),
				...(base === undefined ? {} : { baseSchedule: base }),
				task,
				dataset,
				cancellation,
				device,
				precision,
				...(population === undefined ? {} : { population }),
				...(threads === undefined ? {} : { threads }),
			});
		} else {
			this.#environments.delete(key);
		}
		this.#environments.set(key, environment);
		return environment;
	}
}

/** Differences are for learning: what an episode is judged by needs no forks, and its return is the team's. */
function environmentOptions({ action, agents, reward }: EnvironmentSettings, kind: Job['kind']) {
	const judged: Reward | undefined = kind === 'episode' && isDifference(reward) ? 'log-improvement' : reward;
	return {
		...(action === undefined ? {} : { action }),
		...(agents === undefined ? {} : { agents }),
		...(judged === undefined ? {} : { reward: judged }),
	};
}

function isDifference(reward: Reward | undefined): boolean {
	return reward !== undefined && rewardName(reward) === 'difference';
}

import type { Trajectory } from '../learner/trajectory.js';
import { checkPolicySpec } from '../policy/actor.js';
import type { PolicySnapshot } from '../policy/policy.js';
import { checkTask, type TrainingTask } from '../tasks/task.js';
import type { EnvironmentSettings } from './environment-settings.js';
import { episodeResult, planEpisode, QueuedSession } from './episodes/episode-session.js';
import type {
	Episode,
	EpisodeResult,
	EpisodeSession,
	EvaluateEpisodesOptions,
	RolloutExecutor,
	RunOptions,
} from './executor.js';
import type { Job, JobSite } from './job.js';
import { JobQueue } from './job-queue.js';
import { checkEvaluateOptions, checkPolicyFits, checkRunOptions } from './run-arguments.js';
import { bufferTrajectory, TrajectoryBuffers, trajectoryShape } from './trajectory-buffer.js';

export interface JobExecutorOptions extends JobSite {
	readonly environment: EnvironmentSettings;
	/** Frees what jobs ran on. */
	readonly close: () => void | Promise<void>;
}

/**
 * An executor over one function that runs a job: tasks become jobs with buffers to write into, and buffers become results. The buffers of
 * trajectories are kept from run to run.
 */
export class JobExecutor implements RolloutExecutor {
	readonly workers: number;
	readonly #options: JobExecutorOptions;
	readonly #queue: JobQueue;
	readonly #buffers = new TrajectoryBuffers();
	#session: EpisodeSession | undefined;

	constructor(options: JobExecutorOptions) {
		this.workers = options.workers;
		this.#options = options;
		this.#queue = new JobQueue(options);
	}

	async *collect(
		tasks: readonly TrainingTask[],
		policy: PolicySnapshot,
		options: RunOptions = {},
	): AsyncGenerator<Trajectory> {
		checkRunOptions(options);
		const { greedy = false, explorationSeed = 0, sharedExplorationNoise = false, signal } = options;
		const { environment } = this.#options;
		for (const task of tasks) checkTask(task);
		checkPolicySpec(policy?.spec, 'policy.spec');
		checkPolicyFits(policy.spec, environment);
		const buffers = tasks.map((task, position) =>
			this.#buffers.take(position, trajectoryShape(task, policy, environment)),
		);
		const jobs = tasks.map((task, position): Job => {
			const { shape, memory } = buffers[position]!;
			return { kind: 'rollout', task, policy, shape, memory, greedy, explorationSeed, sharedExplorationNoise };
		});
		for await (const position of this.#queue.inOrder(jobs, signal)) {
			yield bufferTrajectory(tasks[position]!, buffers[position]!);
		}
	}

	async *evaluate(episodes: readonly Episode[], options: EvaluateEpisodesOptions = {}): AsyncGenerator<EpisodeResult> {
		const testPoints = checkEvaluateOptions(options);
		const plans = episodes.map((episode) => planEpisode(episode, testPoints, this.#options.takesFunctions));
		const jobs = plans.map(({ job }) => job);
		for await (const position of this.#queue.inOrder(jobs, options.signal)) {
			yield episodeResult(episodes[position]!, plans[position]!.buffer);
		}
	}

	session(options: EvaluateEpisodesOptions = {}): EpisodeSession {
		const { signal } = options;
		const testPoints = checkEvaluateOptions(options);
		this.#queue.begin(signal);
		this.#session = new QueuedSession(this.#options, { testPoints, signal, onClose: () => this.#queue.end() });
		return this.#session;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#queue.stop();
		await this.#session?.[Symbol.asyncDispose]();
		await this.#options.close();
	}
}

import { resolveAgents } from '../environment/agent-kinds.js';
import { GannoError } from '../errors.js';
import { inferShapes } from '../networks/shapes.js';
import { checkPolicySpec } from '../policy/actor.js';
import { isContinuous } from '../policy/choose-actions.js';
import type { PolicySnapshot, PolicySpec } from '../policy/policy.js';
import { checkTask, type TrainingTask } from '../tasks/task.js';
import { cancelled, episodeResult, isAborted, planEpisode, QueuedSession } from './episode-session.js';
import type {
	EnvironmentSettings,
	Episode,
	EpisodeResult,
	EpisodeSession,
	EvaluateEpisodesOptions,
	RunOptions,
	Trajectory,
} from './executor.js';
import type { Job } from './job.js';
import { checkEvaluateOptions, checkRunOptions } from './run-arguments.js';
import { slabTrajectory, type TrajectoryShape, TrajectorySlabs } from './trajectory-slab.js';

/** What an executor supplies: running one job to its end, somewhere. */
export type RunJob = (job: Job) => Promise<void>;

export interface JobQueueOptions {
	readonly environment: EnvironmentSettings;
	/** The flag native code polls. */
	readonly cancel: Int32Array;
	/** Jobs handed to `runJob` at once. */
	readonly width: number;
	/** Whether jobs stay in this thread, so that a controller in memory can run them. */
	readonly takesFunctions: boolean;
	readonly runJob: RunJob;
}

/**
 * What every executor has in common: tasks become jobs with slabs, results come out in the order of the tasks, one failure or an
 * abort stops the rest. Slabs are kept from run to run.
 */
export class JobQueue {
	readonly #options: JobQueueOptions;
	readonly #slabs = new TrajectorySlabs();
	#running = false;
	#lanes: Promise<unknown> = Promise.resolve();
	#session: EpisodeSession | undefined;

	constructor(options: JobQueueOptions) {
		this.#options = options;
	}

	async *run(
		tasks: readonly TrainingTask[],
		policy: PolicySnapshot,
		options: RunOptions = {},
	): AsyncGenerator<Trajectory> {
		checkRunOptions(options);
		const { greedy = false, explorationSeed = 0, sharedExplorationNoise = false, signal } = options;
		for (const task of tasks) checkTask(task);
		checkPolicySpec(policy?.spec, 'policy.spec');
		checkPolicyFits(policy.spec, this.#options.environment);
		const slabs = tasks.map((task, position) =>
			this.#slabs.take(position, trajectoryShape(task, policy, this.#options.environment)),
		);
		const jobs = tasks.map((task, position): Job => {
			const { shape, buffer } = slabs[position]!;
			return {
				kind: 'rollout',
				task,
				policy,
				shape,
				slab: buffer,
				greedy,
				explorationSeed,
				sharedExplorationNoise,
			};
		});
		for await (const position of this.#inOrder(jobs, signal)) {
			yield slabTrajectory(tasks[position]!, slabs[position]!);
		}
	}

	async *evaluate(episodes: readonly Episode[], options: EvaluateEpisodesOptions = {}): AsyncGenerator<EpisodeResult> {
		const { signal } = options;
		const testPoints = checkEvaluateOptions(options);
		const plans = episodes.map((episode) => planEpisode(episode, testPoints, this.#options.takesFunctions));
		for await (const position of this.#inOrder(
			plans.map(({ job }) => job),
			signal,
		)) {
			yield episodeResult(episodes[position]!, plans[position]!.slab);
		}
	}

	/** As `RolloutExecutor.session`. */
	session(options: EvaluateEpisodesOptions = {}): EpisodeSession {
		const { signal } = options;
		const testPoints = checkEvaluateOptions(options);
		const { cancel, width, runJob, takesFunctions } = this.#options;
		this.#begin(signal);
		const onClose = (): void => {
			this.#running = false;
		};
		this.#session = new QueuedSession({ width, cancel, runJob, testPoints, takesFunctions, signal, onClose });
		return this.#session;
	}

	/** Stops what runs; resolves when nothing runs any more. */
	async stop(): Promise<void> {
		Atomics.store(this.#options.cancel, 0, 1);
		await this.#lanes;
		await this.#session?.[Symbol.asyncDispose]();
	}

	#begin(signal: AbortSignal | undefined): void {
		if (this.#running) {
			throw new GannoError(
				'INVALID_ARGUMENT',
				'This executor is running already. Take all results of the first run (or leave its loop, or dispose of its session) before the next.',
			);
		}
		if (isAborted(signal)) throw cancelled(signal);
		this.#running = true;
		Atomics.store(this.#options.cancel, 0, 0);
	}

	/** Runs jobs `width` at a time; yields their positions in order. */
	async *#inOrder(jobs: readonly Job[], signal: AbortSignal | undefined): AsyncGenerator<number> {
		const { cancel, width, runJob } = this.#options;
		this.#begin(signal);
		const stop = (): void => {
			Atomics.store(cancel, 0, 1);
		};
		signal?.addEventListener('abort', stop);

		const finished = jobs.map(() => new Completion());
		let next = 0;
		let failure: unknown;
		const lane = async (): Promise<void> => {
			while (next < jobs.length) {
				const position = next++;
				try {
					if (failure !== undefined || Atomics.load(cancel, 0) !== 0) throw cancelled(signal);
					await runJob(jobs[position]!);
					finished[position]!.resolve();
				} catch (error) {
					failure ??= error;
					finished[position]!.reject(error);
				}
			}
		};
		const lanes = Promise.all(Array.from({ length: Math.min(width, jobs.length) }, lane));
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
			// A failure or a consumer that left: nobody may still write into a slab when the next run begins.
			stop();
			await lanes;
			signal?.removeEventListener('abort', stop);
			this.#running = false;
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

/** The trajectory of a task under a policy. */
export function trajectoryShape(
	task: TrainingTask,
	policy: PolicySnapshot,
	environment: EnvironmentSettings,
): TrajectoryShape {
	return {
		decisions: task.horizon / task.interval,
		networks: task.networks.length,
		agents: resolveAgents(environment).agents === 'one' ? 1 : inferShapes(task.spec).layers.length,
		observationSize: policy.spec.observationSize,
		...(isContinuous(policy.spec) ? { continuous: true } : {}),
	};
}

/** @throws GannoError `INVALID_ARGUMENT` where the policy was made for other observations, actions or agents */
function checkPolicyFits(spec: PolicySpec, environment: EnvironmentSettings): void {
	const { kind, rule, agents, secondControl } = resolveAgents(environment);
	const { observation, observationSize } = kind;
	const { multiplier } = rule;
	const expected = { observation, observationSize, action: rule.mode, multiplier, agents, secondControl };
	for (const [key, value] of Object.entries(expected)) {
		const own = spec[key as keyof typeof expected];
		if (own === value) continue;
		throw new GannoError(
			'INVALID_ARGUMENT',
			`The policy has ${key}: ${quote(own)} but the environment has ${key}: ${quote(value)}. Open the environment as the policy's spec says.`,
		);
	}
}

function quote(value: string | number | undefined): string {
	return typeof value === 'string' ? `'${value}'` : String(value);
}

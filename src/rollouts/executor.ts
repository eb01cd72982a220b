import type { Trajectory } from '../learner/trajectory.js';
import type { ExplorationSettings } from '../policy/exploration-settings.js';
import type { PolicySnapshot } from '../policy/policy.js';
import type { TrainingTask } from '../tasks/task.js';
import type { MethodSpec } from './controller-spec.js';
import type { EpisodeHistory } from './episodes/episode-buffer.js';

export interface RunOptions extends Partial<ExplorationSettings> {
	/** Aborted: the run rejects with `CANCELLED` as soon as every rollout under way has stopped (within an optimiser step). */
	readonly signal?: AbortSignal;
	/** The likeliest action instead of a drawn one. */
	readonly greedy?: boolean;
	/** uint32 that all drawn actions depend on (default 0), beside the network's seed and the decision. */
	readonly explorationSeed?: number;
}

/** One episode under one controller, or one method that sees every gradient. */
export interface Episode {
	readonly task: TrainingTask;
	/** A policy brings its own agents: `EnvironmentSettings.granularity` does not count for it. */
	readonly method: MethodSpec;
	/**
	 * The episode is given up after decision d (from 0) where no network's validation accuracy is above entry d; no such entry: it goes on.
	 * Methods that see every gradient are never given up.
	 */
	readonly minimumAccuracies?: readonly number[];
	/** Whether the networks' final parameters are wanted (default false). */
	readonly parameters?: boolean;
}

/** How an episode under a controller went, network by network. */
export interface EpisodeResult {
	readonly episode: Episode;
	/** `[networks]` sums of rewards */
	readonly returns: Float32Array;
	/** `[networks × 5]`: as in {@link Trajectory} */
	readonly outcomes: Float32Array;
	readonly history: EpisodeHistory;
	/** `[networks]` */
	readonly diverged: Uint8Array;
	readonly milliseconds: { readonly total: number; readonly native: number };
	/** `[networks × parameterCount]`, each as `NetworkPopulation.parameters` gives it; there when the episode asked for them. */
	readonly parameters?: Float32Array;
}

/** Episodes asked for one by one while others run: what is asked next may depend on results. */
export interface EpisodeSession extends AsyncDisposable {
	/**
	 * Runs an episode as soon as a worker is free. One that fails leaves the others alone.
	 * @throws GannoError `CANCELLED`, `WORKER_FAILED`, `DISPOSED`, or what the episode threw
	 */
	run(episode: Episode): Promise<EpisodeResult>;
}

export interface EvaluateEpisodesOptions {
	readonly signal?: AbortSignal;
	/** False: the test split stays unseen (default true). */
	readonly test?: boolean;
	/** How often in an episode the test split is looked at, evenly spread, the last time at its end (default 1). */
	readonly testPoints?: number;
}

/** Runs rollouts somewhere; the learner cannot tell where. One run at a time. */
export interface RolloutExecutor extends AsyncDisposable {
	/** Rollouts that run side by side. */
	readonly workers: number;
	/**
	 * Rollouts of a policy, for a learner. Yields in task order, whatever finishes first. Trajectories are valid until the next run begins:
	 * their memory is reused.
	 * @throws GannoError `CANCELLED`, `WORKER_FAILED`, or what a rollout threw
	 */
	collect(tasks: readonly TrainingTask[], policy: PolicySnapshot, options?: RunOptions): AsyncIterable<Trajectory>;
	/**
	 * Episodes under hand-made schedules, greedy policies or gradient methods, judged on the test split too (unless `test` is false).
	 * Yields in the order given; results are the caller's to keep.
	 */
	evaluate(episodes: readonly Episode[], options?: EvaluateEpisodesOptions): AsyncIterable<EpisodeResult>;
	/** Opens a session, whose disposal stops what still runs. It is the executor's one run until then. */
	session(options?: EvaluateEpisodesOptions): EpisodeSession;
}

import type { Dataset } from '../datasets/dataset.js';
import type { CancellableResources, PopulationDevice } from '../networks/population-resources.js';
import type { PolicySnapshot } from '../policy/policy.js';
import type { TrainingTask } from '../tasks/task.js';
import type { EnvironmentSettings } from './environment-settings.js';
import type { EpisodeShape } from './episodes/episode-buffer.js';
import type { Episode, RunOptions } from './executor.js';
import type { TrajectoryShape } from './trajectory-buffer.js';

/** What a worker is given once, when it starts. */
export interface WorkerSetup {
	readonly dataset: Dataset;
	readonly environment: EnvironmentSettings;
	/** Of every population; the device comes from `devices`. */
	readonly resources: CancellableResources;
	/** Where networks are trained: workers take these in turn. */
	readonly devices: readonly PopulationDevice[];
	/** Over a SharedArrayBuffer; element 0 counts the workers that have started. */
	readonly started: Int32Array;
}

/** One rollout of a learned policy, to be written into a buffer. */
export interface RolloutJob extends Required<Omit<RunOptions, 'signal'>> {
	readonly kind: 'rollout';
	readonly task: TrainingTask;
	/** Arrays over the learner's SharedArrayBuffers. */
	readonly policy: PolicySnapshot;
	readonly shape: TrajectoryShape;
	readonly memory: SharedArrayBuffer;
}

/** One episode under any controller or method, to be written into an episode buffer. */
export interface EpisodeJob extends Pick<Episode, 'task' | 'method' | 'minimumAccuracies'> {
	readonly kind: 'episode';
	readonly shape: EpisodeShape;
	readonly memory: SharedArrayBuffer;
	/** How often the test split is looked at, the last time at the end; 0: never. */
	readonly testPoints: number;
}

export type Job = RolloutJob | EpisodeJob;

/** Where an executor's jobs run. */
export interface JobSite {
	readonly resources: CancellableResources;
	/** Jobs that run side by side. */
	readonly workers: number;
	/** Whether jobs stay in this thread, so that a controller in memory can run them. */
	readonly takesFunctions: boolean;
	/** Runs one job to its end. */
	readonly runJob: (job: Job) => Promise<void>;
}

import type { Dataset } from '../datasets/dataset.js';
import type { PopulationDevice, Precision } from '../networks/population-options.js';
import type { PolicySnapshot } from '../policy/policy.js';
import type { TrainingTask } from '../tasks/task.js';
import type { TrainerSpec } from './controller-spec.js';
import type { EpisodeShape } from './episode-slab.js';

import type { EnvironmentSettings } from './executor.js';
import type { TrajectoryShape } from './trajectory-slab.js';

/** What a worker is given once, when it starts. */
export interface WorkerSetup {
	readonly dataset: Dataset;
	readonly environment: EnvironmentSettings;
	/** Over a SharedArrayBuffer; element 0 is polled by native code in every inner step: not 0 stops it. */
	readonly cancel: Int32Array;
	/** Where networks are trained: workers take these in turn. */
	readonly devices: readonly PopulationDevice[];
	/** What their products are computed in; absent: float32. */
	readonly precision?: Precision | undefined;
	/** Over a SharedArrayBuffer; element 0 counts the workers that have started. */
	readonly started: Int32Array;
}

/** One rollout of a learned policy, to be written into a slab. */
export interface RolloutJob {
	readonly kind: 'rollout';
	readonly task: TrainingTask;
	/** Arrays over the learner's SharedArrayBuffers. */
	readonly policy: PolicySnapshot;
	readonly shape: TrajectoryShape;
	readonly slab: SharedArrayBuffer;
	readonly greedy: boolean;
	readonly explorationSeed: number;
	readonly sharedExplorationNoise: boolean;
}

/** One episode under any controller or method, to be written into an outcome slab. */
export interface EpisodeJob {
	readonly kind: 'episode';
	readonly task: TrainingTask;
	readonly controller: TrainerSpec;
	readonly shape: EpisodeShape;
	readonly slab: SharedArrayBuffer;
	/** How often the test split is looked at, the last time at the end; 0: never. */
	readonly testPoints: number;
	/** As in `Episode`. */
	readonly minimumAccuracies?: readonly number[];
}

export type Job = RolloutJob | EpisodeJob;

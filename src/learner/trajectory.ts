import type { Actions } from '../environment/actions/actions.js';
import type { TrainingTask } from '../tasks/task.js';

/** What a rollout of one task yields. Arrays lie in a SharedArrayBuffer the learner owns. A = agents (layers, or 1). */
export interface Trajectory {
	readonly task: TrainingTask;
	readonly decisions: number;
	readonly networks: number;
	readonly agents: number;
	/** `[decisions × networks × agents × observationSize]`, not normalised */
	readonly observations: Float32Array;
	/** `[decisions × networks × agents]`: categories, or real numbers of a continuous policy */
	readonly actions: Actions;
	/** `[decisions × networks × agents]`, of the action taken under the policy that took it */
	readonly logProbabilities: Float32Array;
	/** `[decisions × networks × agents]` */
	readonly rewards: Float32Array;
	/** `[decisions × networks]`: 1 where the network was still running when it decided, else 0 (the entries there mean nothing) */
	readonly active: Uint8Array;
	/** `[networks × 5]`: initial validation loss, final validation loss, final validation accuracy, test loss, test accuracy (test: NaN unless asked for) */
	readonly outcomes: Float32Array;
	/** `[networks]`: 1 where the network diverged */
	readonly diverged: Uint8Array;
	/** Wall milliseconds: the whole rollout, and the part of it inside native calls. */
	readonly milliseconds: { readonly total: number; readonly native: number };
}

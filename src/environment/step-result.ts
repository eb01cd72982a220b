/** Results of `reset` and `step` of the environment. */

/** Figures besides the observations. The arrays belong to the environment and are overwritten by the next call. */
export interface EnvironmentInfos {
	/** Decisions taken. */
	readonly decision: number;
	readonly decisions: number;
	/** `[networks]`: 1 while the network runs; where 0, the learner ignores its rows */
	readonly active: Uint8Array;
	/** `[networks]`: 1 where it diverged */
	readonly diverged: Uint8Array;
	/** `[networks]`: mean over the interval; a loss that is not finite is reported as 1e6 */
	readonly trainingLoss: Float32Array;
	/** `[networks]` */
	readonly validationLoss: Float32Array;
	/** `[networks]` */
	readonly validationAccuracy: Float32Array;
	/** `[networks × layers]`: mean learning rate of the interval, base schedule included; 0 where the network had ended */
	readonly learningRates: Float32Array;
}

export interface ResetResult {
	/** `[networks × agents × features]` */
	readonly observations: Float32Array;
	readonly infos: EnvironmentInfos;
}

export interface StepResult extends ResetResult {
	/** `[networks × agents]`: the network's reward, the same for each of its agents; 0 once it has ended */
	readonly rewards: Float32Array;
	/** `[networks]`: 1 where the network has diverged, now or earlier */
	readonly terminations: Uint8Array;
	/** `[networks]`: 1 at the horizon where the network has not diverged. The horizon is part of the task: bootstrap no value there. */
	readonly truncations: Uint8Array;
	/** Whether the episode is over for every network. */
	readonly done: boolean;
}

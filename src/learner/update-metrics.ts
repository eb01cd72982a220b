/** Metrics of an update: means over its mini-batches unless stated otherwise. */
export interface UpdateMetrics {
	readonly policyLoss: number;
	readonly valueLoss: number;
	readonly entropy: number;
	readonly approximateKl: number;
	readonly clipFraction: number;
	/** Of the returns, by the critic before the update. */
	readonly explainedVariance: number;
	/** Before clipping. */
	readonly gradientNorm: number;
	readonly learningRate: number;
	readonly entropyCoefficient: number;
	/** Epochs done; fewer than asked for where the KL divergence stopped them. */
	readonly epochs: number;
	/** Active rows of the batch. */
	readonly rows: number;
	/** Mean undiscounted sum of rewards over the sequences. */
	readonly meanReturn: number;
	/** Wall time of the update. */
	readonly milliseconds: number;
}

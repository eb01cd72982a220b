/** Normalised observations lie within ± this. */
export const OBSERVATION_CLIP = 5;

/**
 * Normalises one observation: (x − mean) / standard deviation, clipped to ±{@link OBSERVATION_CLIP}; NaN becomes 0. Learner, workers
 * and deployments all use this one.
 */
export function normalizeRow(
	raw: Float32Array,
	rawOffset: number,
	out: Float32Array,
	outOffset: number,
	mean: Float32Array,
	standardDeviation: Float32Array,
): void {
	for (let i = 0; i < mean.length; i++) {
		const x = ((raw[rawOffset + i] as number) - (mean[i] as number)) / (standardDeviation[i] as number);
		// Comparisons in this order send NaN to the last branch.
		if (x > OBSERVATION_CLIP) out[outOffset + i] = OBSERVATION_CLIP;
		else if (x >= -OBSERVATION_CLIP) out[outOffset + i] = x;
		else out[outOffset + i] = x < -OBSERVATION_CLIP ? -OBSERVATION_CLIP : 0;
	}
}

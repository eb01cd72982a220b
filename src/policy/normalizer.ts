/** Normalised observations lie within ± this. */
export const OBSERVATION_CLIP = 5;

/**
 * Standard deviations below this are raised to it: a feature that hardly varied while the normaliser learned (the first 20
 * iterations) must not become huge when it varies in deployment.
 */
export const STANDARD_DEVIATION_FLOOR = 0.05;

/**
 * Normalises one observation: (x − mean) / standard deviation, clipped to ±{@link OBSERVATION_CLIP}; NaN becomes 0. Learner, workers
 * and deployments use the same function.
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

/** A normaliser's moments as plain data; JSON keeps every bit of them. */
export interface NormalizerState {
	readonly count: number;
	readonly mean: readonly number[];
	/** Sum of squared deviations from the mean. */
	readonly squares: readonly number[];
}

/** Running mean and standard deviation of every feature. The learner updates it; workers and deployments read the result. */
export interface ObservationNormalizer {
	/**
	 * Adds a batch: its own mean and squared deviations (two passes), then Chan's pairwise merge (Chan, Golub & LeVeque 1983), all
	 * in float64. Nothing is added to the variance: a constant added at every update would pile up.
	 * @param observations `[rows × features]`, raw
	 * @param rows
	 * @param active `[rows / rowsPerActive]`; rows with 0 are left out
	 */
	update(observations: Float32Array, rows: number, active?: Uint8Array, rowsPerActive?: number): void;
	/** Writes mean and floored standard deviation, 0 and 1 for bounded features and before the first update. */
	write(mean: Float32Array, standardDeviation: Float32Array): void;
	state(): NormalizerState;
	restore(state: NormalizerState): void;
}

export function createNormalizer(features: number, bounded: readonly number[] = []): ObservationNormalizer {
	let count = 0;
	const mean = new Float64Array(features);
	const squares = new Float64Array(features);
	const batchMean = new Float64Array(features);
	const batchSquares = new Float64Array(features);

	function forEachActiveRow(
		rows: number,
		active: Uint8Array | undefined,
		rowsPerActive: number,
		visit: (offset: number) => void,
	): void {
		for (let row = 0; row < rows; row++) {
			if (active === undefined || active[Math.floor(row / rowsPerActive)] === 1) visit(row * features);
		}
	}

	return {
		update(observations, rows, active, rowsPerActive = 1) {
			let batch = 0;
			batchMean.fill(0);
			batchSquares.fill(0);
			forEachActiveRow(rows, active, rowsPerActive, (offset) => {
				batch++;
				for (let i = 0; i < features; i++) batchMean[i]! += observations[offset + i] as number;
			});
			if (batch === 0) return;
			for (let i = 0; i < features; i++) batchMean[i]! /= batch;
			forEachActiveRow(rows, active, rowsPerActive, (offset) => {
				for (let i = 0; i < features; i++) {
					const deviation = (observations[offset + i] as number) - (batchMean[i] as number);
					batchSquares[i]! += deviation * deviation;
				}
			});
			const total = count + batch;
			for (let i = 0; i < features; i++) {
				const delta = (batchMean[i] as number) - (mean[i] as number);
				mean[i]! += (delta * batch) / total;
				squares[i]! += (batchSquares[i] as number) + (delta * delta * count * batch) / total;
			}
			count = total;
		},
		write(meanOut, standardDeviationOut) {
			for (let i = 0; i < features; i++) {
				const learned = count > 0 && !bounded.includes(i);
				meanOut[i] = learned ? (mean[i] as number) : 0;
				standardDeviationOut[i] = learned
					? Math.max(Math.sqrt((squares[i] as number) / count), STANDARD_DEVIATION_FLOOR)
					: 1;
			}
		},
		state: () => ({ count, mean: [...mean], squares: [...squares] }),
		restore(state) {
			count = state.count;
			mean.set(state.mean);
			squares.set(state.squares);
		},
	};
}

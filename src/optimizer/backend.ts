/**
 * What LayerwiseOptimizer needs of whoever computes its steps. The arrays and the table of controls are registered when a back end is
 * made (`LayerwisePlanOptions` of binding.d.ts); a call then carries what changes. Arguments are checked before they come here.
 *
 * Implemented by the addon's LayerwisePlan (CPU, CUDA) and by ReferencePlan (TypeScript, float64).
 */
export interface LayerwiseBackend {
	/**
	 * One step of every layer under the registered controls: parameters, moments and step counters change.
	 * @param statistics [layers × 14], written; undefined: none are computed
	 * @param inverseScale multiplies every gradient before anything else
	 */
	step(statistics: Float32Array | undefined, inverseScale: number): void;
	/**
	 * As {@link step}, off the calling thread where there is another. Takes the controls at once; writes `statistics` just before the
	 * promise resolves. Until then nothing but `dispose` is called, which lets the step end and frees the memory after it.
	 */
	stepAsync(statistics: Float32Array | undefined, inverseScale: number): Promise<void>;
	/** Writes the statistics the next step would have, and changes nothing else. */
	probe(statistics: Float32Array, inverseScale: number): void;
	/** Copies moment 0 or 1 of one array (index over all layers) into `out`, of that array's length. */
	readMoment(array: number, moment: number, out: Float32Array): void;
	writeMoment(array: number, moment: number, values: Float32Array): void;
	/** Steps each array has taken, [arrays]; those of a skipped layer count none. */
	readSteps(out: Float64Array): void;
	/** Arrays of one layer may differ: each has its own bias correction. */
	writeSteps(values: Float64Array): void;
	/** Copies registered arrays to where steps are computed; nothing to do where that is the arrays themselves. */
	upload(parameters: boolean, gradients: boolean): void;
	/** Waits for every step and copies the parameters back; likewise. */
	download(): void;
	/** Frees what it holds; idempotent. */
	dispose(): void;
}

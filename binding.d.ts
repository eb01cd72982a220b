/**
 * The typed contract of the addon, one file. Flat and low level: layouts are registered once, a call then carries scalars and
 * preallocated typed arrays. Private: semantic versioning covers the exports of `src/`. A test compares it with the real exports.
 */

/** Instruction-set tiers this machine can run, ascending. */
export function cpuTiers(): string[];
/** The tier in use (the best one, or `GANNO_CPU_TIER`). Throws when the variable names one that cannot run here. */
export function cpuTier(): string;

/** What one thread of {@link measureFmaPeak} did. */
export interface FmaRun {
	/** Floating-point operations: two a lane and multiply-add. */
	readonly operations: number;
	readonly wallSeconds: number;
	readonly cpuSeconds: number;
}
/**
 * For benchmarks: multiply-adds from registers and nothing else, for about `milliseconds` on each of `threads` threads, each pinned
 * to a CPU. Blocks the calling thread that long. One entry a thread.
 */
export function measureFmaPeak(tier: string, milliseconds: number, threads: number): FmaRun[];

/**
 * Handles in this process that hold native memory: made, and neither disposed nor collected yet. For tests.
 */
export function liveHandles(): number;

/**
 * Fills `out` with consecutive Philox blocks of four words: stream `stream` of `seed`, sub-sequence `sub`, from block `index` on.
 * Bit for bit what src/philox.ts gives.
 */
export function randomBlocks(seed: number, stream: number, index: number, sub: number, out: Uint32Array): void;

export interface LayerwisePlanOptions {
	/** Index into ALGORITHMS (src/optimizer/algorithms.ts). */
	readonly algorithm: number;
	/** 0 skip-element, 1 skip-layer, 2 skip-network, 3 propagate. */
	readonly nonFinite: number;
	/** Threads one call may use, this one included; layouts under 100,000 elements use one. */
	readonly threads: number;
	/** Instruction-set tier, for tests; default {@link cpuTier}. */
	readonly tier?: string | undefined;
	readonly hyperparameters: {
		readonly beta1: number;
		readonly beta2: number;
		/** At least 1.18e-38, the smallest normal float32. */
		readonly epsilon: number;
		readonly rho: number;
	};
	/** Every layer's arrays one after another, over plain or shared buffers, any alignment, empty ones allowed. */
	readonly parameters: readonly Float32Array[];
	/** One for each of `parameters`, of the same length. */
	readonly gradients: readonly Float32Array[];
	/** [layers]: how many arrays each layer owns. */
	readonly arraysPerLayer: Uint32Array;
	/** [layers × 3]: learning rate, weight decay, momentum of each layer, read at every step. */
	readonly controls: Float64Array;
}

/**
 * An optimiser step over registered arrays, fused with its statistics. Reads and writes the arrays in place through pointers taken
 * at registration: **the caller must make sure before every call that none was detached** (compare its length with the registered
 * one; views cannot move otherwise). Moments and step counters are native.
 *
 * Errors carry a `code`: `INVALID_ARGUMENT`, `OUT_OF_MEMORY`, `DISPOSED`.
 */
export class LayerwisePlan {
	constructor(options: LayerwisePlanOptions);
	/**
	 * @param statistics [layers × 14], written; undefined: none are computed
	 * @param inverseScale multiplies every gradient in registers
	 */
	step(statistics: Float32Array | undefined, inverseScale: number): void;
	/** Writes the statistics the next step would have, and changes nothing else. */
	probe(statistics: Float32Array, inverseScale: number): void;
	/** Copies moment 0 or 1 of one array (index over all layers) into `out`, of that array's length. */
	readMoment(array: number, moment: number, out: Float32Array): void;
	writeMoment(array: number, moment: number, values: Float32Array): void;
	/** Steps each layer has taken, [layers]. */
	readSteps(out: Float64Array): void;
	writeSteps(values: Float64Array): void;
	/** Frees the native memory now; idempotent. Any other call then throws `DISPOSED`. */
	dispose(): void;
}

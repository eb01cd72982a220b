/**
 * The typed contract of the addon, one file. Flat and low level: layouts are registered once, a call then carries scalars and
 * preallocated typed arrays. Private: semantic versioning covers the exports of `src/`. A test compares it with the real exports.
 */

/** Instruction-set tiers this machine can run, ascending. */
export function cpuTiers(): string[];
/** The tier in use (the best one, or `GANNO_CPU_TIER`). Throws when the variable names one that cannot run here. */
export function cpuTier(): string;

export interface CudaDevices {
	/** In CUDA's order: device `cuda:0` first. Memory in bytes; computeCapability as in '9.0'. */
	readonly devices: readonly {
		readonly name: string;
		readonly memory: number;
		readonly freeMemory: number;
		readonly multiprocessors: number;
		readonly computeCapability: string;
	}[];
	/** Why there are none, and what to do; empty otherwise. */
	readonly reason: string;
	/** 1000 × major + 10 × minor of the newest CUDA the driver runs; 0: no driver. */
	readonly driverVersion: number;
	/** The CUDA this addon was built with, likewise; 0: without. */
	readonly runtimeVersion: number;
}
/** Asks the driver; the first call in a process takes a while on a machine with a GPU. */
export function cudaDevices(): CudaDevices;
/**
 * The cuBLAS that large dense products of precision tf32 go to: found where `GANNO_CUBLAS` says, or by its usual names; 'off' is none. Its
 * name is empty where there is none, and `reason` says why. Looks for it, and loads it, at the first call in a process.
 */
export function cublasLibrary(): { readonly name: string; readonly reason: string };

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
	/** Index into LAYERWISE_ALGORITHMS (src/optimizer/algorithms.ts). */
	readonly algorithm: number;
	/** 0 skip-element, 1 skip-layer, 2 skip-network, 3 propagate. */
	readonly nonFinite: number;
	/** Threads one call may use, this one included; layouts under 100,000 elements use one. */
	readonly threads: number;
	/** Whether denormal numbers count as 0 throughout; default false. */
	readonly flushDenormals?: boolean;
	/** Instruction-set tier, for tests; default {@link cpuTier}. */
	readonly tier?: string | undefined;
	/** Number of a CUDA device; undefined: the CPU. */
	readonly device?: number | undefined;
	/**
	 * On a CUDA device. true: parameters and gradients are copied when the plan is made and by `upload` and `download` alone; false: every
	 * step copies parameters and gradients to the device, and parameters back.
	 */
	readonly resident?: boolean;
	readonly hyperparameters: {
		readonly beta1: number;
		readonly beta2: number;
		/** At least 1.18e-38, the smallest normal float32. */
		readonly epsilon: number;
		readonly rho: number;
		/** lars; default 0.001. */
		readonly trustCoefficient?: number;
	};
	/** Largest norms of gradients; 0 or missing: no clipping. */
	readonly clip?: { readonly layerNorm?: number; readonly globalNorm?: number };
	/** [layers]: 0 where the trust ratio of lars and lamb does not apply; default all 1. */
	readonly adapt?: Uint8Array;
	/** [arrays]: 0 where weight decay does not apply; default all 1. Arrays of one lars layer that adapts are all the same. */
	readonly decays?: Uint8Array;
	/** Every layer's arrays one after another, over plain or shared buffers, any alignment, empty ones allowed. */
	readonly parameters: readonly Float32Array[];
	/** One for each of `parameters`, of the same length. */
	readonly gradients: readonly Float32Array[];
	/** [layers]: how many arrays each layer owns. */
	readonly arraysPerLayer: Uint32Array;
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
	 * One step of every layer: parameters, moments and step counters change. Controls are numbers for all layers or arrays [layers], whose
	 * elements are checked here (`INVALID_ARGUMENT` names the one that is out of range, and nothing has changed); numbers, `inverseScale`
	 * too, are the caller's to check.
	 * @param learningRates from 0 to 3.4e38
	 * @param weightDecays likewise
	 * @param momenta from 0 to 1
	 * @param statistics [layers × 14], written; undefined: none are computed
	 * @param inverseScale multiplies every gradient before anything else
	 */
	step(
		learningRates: number | Float32Array,
		weightDecays: number | Float32Array,
		momenta: number | Float32Array,
		statistics: Float32Array | undefined,
		inverseScale: number,
	): void;
	/**
	 * As {@link step}, off the calling thread where there is another. Controls are copied at once; `statistics` is written just before the
	 * promise resolves. The registered arrays are kept alive, but **the caller must make sure that none is detached** until then. Any
	 * other call but `dispose` throws `INVALID_ARGUMENT` meanwhile.
	 */
	stepAsync(...args: Parameters<LayerwisePlan['step']>): Promise<void>;
	/** Writes the statistics the next step would have, and changes nothing else. */
	probe(...args: Parameters<LayerwisePlan['step']>): void;
	/** Copies moment 0 or 1 of one array (index over all layers) into `out`, of that array's length. */
	readMoment(array: number, moment: number, out: Float32Array): void;
	writeMoment(array: number, moment: number, values: Float32Array): void;
	/** Steps each array has taken, [arrays]; those of a skipped layer count none. */
	readSteps(out: Float64Array): void;
	/** Arrays of one layer may differ: each has its own bias correction. */
	writeSteps(values: Float64Array): void;
	/** Copies registered arrays to the device; they are free again when it returns. Does nothing on the CPU. */
	upload(parameters: boolean, gradients: boolean): void;
	/** Waits for every step, and copies the parameters back. Does nothing on the CPU. */
	download(): void;
	/** Frees the native memory now; idempotent. Any other call then throws `DISPOSED`. */
	dispose(): void;
}

export interface NativePopulationOptions {
	/** [3]: height, width, channels. */
	readonly input: Float64Array;
	/** [operations × 11], see src/networks/encode.ts. */
	readonly layers: Float64Array;
	readonly networks: number;
	readonly batchSize: number;
	/** Index into ALGORITHMS (src/optimizer/algorithms.ts). */
	readonly algorithm: number;
	readonly hyperparameters: {
		readonly beta1: number;
		readonly beta2: number;
		readonly epsilon: number;
		readonly momentum: number;
		readonly rho: number;
		readonly weightDecay: number;
	};
	/** [networks] */
	readonly seeds: Uint32Array;
	/** Number of a CUDA device; undefined: the CPU. */
	readonly device?: number | undefined;
	/** Index into PRECISIONS (src/networks/population-options.ts): 0 float32 (default), 1 tf32, on a CUDA device only. */
	readonly precision?: number | undefined;
	/** Instruction-set tier, for tests; default {@link cpuTier}. */
	readonly tier?: string | undefined;
	/** Threads one call may use, this one included. */
	readonly threads: number;
	/** [images × height × width × channels] and [images]; over SharedArrayBuffers, anything else is refused. */
	readonly images: Uint8Array;
	readonly labels: Uint8Array;
	/** Image numbers of each split; copied. */
	readonly train: Uint32Array;
	readonly validation: Uint32Array;
	readonly test: Uint32Array;
	/** From batchSize to the length of `train`. */
	readonly sliceSize: number;
	/** From 1 to the length of `validation`. */
	readonly validationSize: number;
	/** [channels], of pixel / 255. */
	readonly mean: Float64Array;
	readonly standardDeviation: Float64Array;
	/** Bytes the population may take at most; more is `OUT_OF_MEMORY`. */
	readonly memoryLimit: number;
	/** Over a SharedArrayBuffer: polled every inner step (on a CUDA device every 64), non-zero stops. */
	readonly cancellation?: Int32Array | undefined;
}

/**
 * Child networks trained side by side. N = networks, L = layers with weights, P = their elements.
 *
 * `train`, `trainAsync`, `probe` and `evaluate` return false when the cancellation flag stopped them. Errors carry a `code`:
 * `INVALID_ARGUMENT` (also while a `trainAsync` is in flight), `OUT_OF_MEMORY`, `DISPOSED`.
 */
export class NativePopulation {
	constructor(options: NativePopulationOptions);
	/**
	 * @param learningRates [N × L]; weightDecays and momenta likewise, undefined: the hyperparameters'
	 * @param statistics [N × L × 16], written; trainingLoss [N × steps], written; validation [N × 3], written unless undefined
	 * @param baseSchedule [steps], multiplies the learning rates
	 */
	train(
		steps: number,
		learningRates: Float32Array,
		weightDecays: Float32Array | undefined,
		momenta: Float32Array | undefined,
		statistics: Float32Array,
		trainingLoss: Float32Array,
		validation: Float32Array | undefined,
		baseSchedule: Float32Array | undefined,
	): boolean;
	/** Works on copies, on another thread; the outputs are written when the promise resolves. */
	trainAsync(...args: Parameters<NativePopulation['train']>): Promise<boolean>;
	/** The statistics that `steps` batches would give; changes nothing but the logits that validation compares with. */
	probe(...args: Parameters<NativePopulation['train']>): boolean;
	/** @param split 0 train (each network's slice), 1 validation, 2 test @param out [N × 2]: mean loss, accuracy */
	evaluate(split: number, out: Float32Array): boolean;
	/** Mean loss of the images, dropout off, batch norm by the images' own statistics. @param indices 1 to max(batchSize, 64) image numbers @param out [P] */
	lossAndGradient(network: number, indices: Uint32Array, out: Float32Array): number;
	save(network: number): void;
	/** @returns false when nothing was saved */
	restore(network: number): boolean;
	fork(from: number, to: number): void;
	/** @param out [P], layer by layer, weights (scale) then bias */
	parameters(network: number, out: Float32Array): void;
	setParameters(network: number, values: Float32Array): void;
	/** Of batch norms. @param out [2 × their channels], norm by norm: running means, then variances */
	runningStatistics(network: number, out: Float32Array): void;
	setRunningStatistics(network: number, values: Float32Array): void;
	/** Of the last validation; zeros where there was none, or the network had diverged. @param out [validationSize × classes] */
	validationLogits(network: number, out: Float32Array): void;
	/** @param flags [N] */
	divergedFlags(flags: Uint8Array): void;
	/** New networks in the same memory; what was saved is forgotten. @param seeds [N] */
	reset(seeds: Uint32Array): void;
	/** Frees the native memory now; idempotent. Any other call then throws `DISPOSED`. */
	dispose(): void;
	bytes(): number;
}

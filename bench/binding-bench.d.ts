import type { LayerwisePlan } from '../binding.d.ts';

/**
 * The typed contract of ganno-bench.node: what only benchmarks call. The package comes without it. A test compares it with the real exports.
 */

/** As in ganno.node, and compiled from the same objects; {@link timedSteps} takes this addon's own alone. */
export { LayerwisePlan } from '../binding.d.ts';

/**
 * `count` steps (1 to 1,000,000) queued one after another on the CUDA device of a plan, nothing copied to it or from it; with
 * `withStatistics` they are computed each time and stay there.
 *
 * Errors carry a `code`: `INVALID_ARGUMENT` (also for a plan of another addon, or without `device`), `DISPOSED`.
 * @returns the seconds that the device took for them, by its own clock
 */
export function timedSteps(plan: LayerwisePlan, withStatistics: boolean, inverseScale: number, count: number): number;

/** What one thread of {@link measureFmaPeak} did. */
export interface FmaRun {
	/** Floating-point operations: two a lane and multiply-add. */
	readonly operations: number;
	readonly wallSeconds: number;
	readonly cpuSeconds: number;
}
/**
 * Multiply-adds from registers and nothing else, for about `milliseconds` on each of `threads` threads, each pinned
 * to a CPU. Blocks the calling thread that long. One entry a thread.
 */
export function measureFmaPeak(tier: string, milliseconds: number, threads: number): FmaRun[];

/**
 * Seconds that a copy takes inside the memory of device `cuda:N`, which reads and writes `bytes` (1 to 2^40) each; the mean
 * of `copies` (1 to 1,000,000), by the device's own clock.
 *
 * Errors carry a `code`: `INVALID_ARGUMENT`, `CUDA_UNAVAILABLE`, `OUT_OF_MEMORY`.
 */
export function measureDeviceCopy(device: number, bytes: number, copies: number): number;

/** What {@link measureDeviceFma} did. */
export interface DeviceFmaRun {
	/** Floating-point operations: two a multiply-add. */
	readonly operations: number;
	/** By the device's own clock. */
	readonly seconds: number;
	/** Sum over all threads of what they computed: after many iterations 32 each. */
	readonly checksum: number;
}
/**
 * Float32 multiply-adds from registers and nothing else on every multiprocessor of device `cuda:N`, `iterations` (1 to
 * 100,000,000) rounds of 16 a thread.
 *
 * Errors carry a `code`: `INVALID_ARGUMENT`, `CUDA_UNAVAILABLE`, `OUT_OF_MEMORY`.
 */
export function measureDeviceFma(device: number, iterations: number): DeviceFmaRun;

/**
 * The memory traffic of an Adam step and no arithmetic, over arrays of its own: four read and three written a layer, cut
 * into the same pieces for the same pool of threads as {@link LayerwisePlan}.
 *
 * Errors carry a `code`: `INVALID_ARGUMENT`, `OUT_OF_MEMORY`, `DISPOSED`.
 */
export class StreamCeiling {
	/**
	 * @param sizes [layers], elements; 2^28 over all layers at most
	 * @param threads threads one pass may use, this one included; as in `LayerwisePlanOptions`
	 * @param tier default `cpuTier()`
	 */
	constructor(sizes: Float64Array, threads: number, tier?: string);
	/** Moves every element once. */
	pass(): void;
	/** Copies a layer's parameters into `out`: all 1 at first, 2 after one pass, then 3, then 4 for good. */
	parameters(layer: number, out: Float32Array): void;
	/** Frees the memory now; idempotent. Any other call then throws `DISPOSED`. */
	dispose(): void;
}

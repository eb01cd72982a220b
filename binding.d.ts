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

/**
 * The typed contract of the addon, one file. Flat and low level: layouts are registered once, a call then carries scalars and
 * preallocated typed arrays. Private: semantic versioning covers the exports of `src/`. A test compares it with the real exports.
 */

/** Instruction-set tiers this machine can run, ascending. */
export function cpuTiers(): string[];
/** The tier in use (the best one, or `GANNO_CPU_TIER`). Throws when the variable names one that cannot run here. */
export function cpuTier(): string;

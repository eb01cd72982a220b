#pragma once
// The rate of multiply-adds a core sustains from registers: the ceiling that benchmarks state their share of.
#include <cstdint>
#include <vector>

#include "cpu/tier.h"

namespace ganno {

/// What one thread did.
struct FmaRun {
  double operations = 0;    // floating-point operations, two a lane and multiply-add
  double wall_seconds = 0;  // of this thread's own loop
  double cpu_seconds = 0;
};

/// Runs nothing but multiply-adds on `threads` threads for about `milliseconds`. Each thread is pinned to one CPU of
/// those this process may use, round robin, for as long as it lives (Linux; elsewhere the system places it).
/// The baseline tier has no fused instruction: there a multiplication and an addition count as the two operations.
std::vector<FmaRun> measure_fma_peak(Tier tier, double milliseconds, int threads);

}  // namespace ganno

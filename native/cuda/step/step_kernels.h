#pragma once
// The launches of a step.
#include "cuda/runtime.h"
#include "cuda/step/tables.h"

namespace ganno::cuda {

inline constexpr unsigned kWarpsPerBlock = 4;

struct StepLaunches {
  /// @param statistics whether they are computed; without, a step that stores nothing does nothing
  cudaError_t (*step)(const StepArguments& arguments, bool statistics, cudaStream_t stream);

  // --- passes before it, for what needs to be known of a whole layer or network ---
  using Pass = cudaError_t (*)(const StepArguments& arguments, cudaStream_t stream);
  /// Sets non_finite.
  Pass count_non_finite;
  /// Fills prepared from controls, state and non_finite, which it clears.
  Pass prepare;
  /// Norms of the gradients; with clipping by layer alone, its coefficients too.
  Pass measure_gradients;
  /// The coefficients of clipping by the global norm, and by layer where both are asked for.
  Pass clip_globally;
  /// The trust ratios of LARS and LAMB.
  Pass measure_trust;
};

extern const StepLaunches kLaunchesKeepingDenormals, kLaunchesFlushingDenormals;

inline const StepLaunches& step_launches(const StepArguments& arguments) {
  return arguments.flush_denormals ? kLaunchesFlushingDenormals : kLaunchesKeepingDenormals;
}

}  // namespace ganno::cuda

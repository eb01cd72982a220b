#pragma once
// The launches of a step.
#include "cuda/runtime.h"
#include "cuda/step/tables.h"

namespace ganno::cuda {

inline constexpr unsigned kWarpsPerBlock = 4;

/// @param statistics whether they are computed; without, a step that stores nothing does nothing
cudaError_t launch_step(const StepArguments& arguments, bool statistics, cudaStream_t stream);

// --- passes before it, for what needs to be known of a whole layer or network ---
/// Sets non_finite.
cudaError_t launch_count_non_finite(const StepArguments& arguments, cudaStream_t stream);
/// Fills prepared from controls, state and non_finite, which it clears.
cudaError_t launch_prepare(const StepArguments& arguments, cudaStream_t stream);
/// Norms of the gradients; with clipping by layer alone, its coefficients too.
cudaError_t launch_measure_gradients(const StepArguments& arguments, cudaStream_t stream);
/// The coefficients of clipping by the global norm, and by layer where both are asked for.
cudaError_t launch_clip_globally(const StepArguments& arguments, cudaStream_t stream);
/// The trust ratios of LARS and LAMB.
cudaError_t launch_measure_trust(const StepArguments& arguments, cudaStream_t stream);

}  // namespace ganno::cuda

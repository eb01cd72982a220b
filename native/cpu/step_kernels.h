#pragma once
// The fused pass: one array's optimiser step and its statistics, read once.
#include <cstddef>
#include <cstdint>

#include "core/optimizer_rule.h"
#include "core/statistics.h"
#include "cpu/tier.h"

namespace ganno {

/// One array of a layer. Any alignment; moments may be null where the rule keeps none.
struct StepArray {
  float* parameters = nullptr;
  const float* gradients = nullptr;
  float* moment1 = nullptr;
  float* moment2 = nullptr;
  std::uint64_t size = 0;
  bool prefetch = false;  // the arrays lie beyond the cache: ask for them early
};

/// From how many bytes of parameters, gradients and moments on StepArray::prefetch pays.
std::uint64_t prefetch_from_bytes();

/// Elements [begin, begin + size) of an array.
StepArray slice(const StepArray& array, std::uint64_t begin, std::uint64_t size);

/// What a step function is specialised for. Policies and `store` are in StepScalars.
struct StepVariant {
  Algorithm algorithm = Algorithm::kSgd;
  bool statistics = true;
  bool observe = false;  // step nothing: statistics of a skipped layer, whose moments stay and whose update is zero
  bool clip = false;     // multiply the gradient by StepScalars::clip
  bool from_gradient = false;  // lerps_from_gradient() of core/step_scalars.h
};

/// Steps one piece, at most kPieceSize elements that start at a multiple of kPieceSize in their array, and overwrites
/// `sums` with its sums; `sums` is null without statistics. The caller holds a FloatEnvironment: LayerwiseOptimizer
/// keeps denormals unless asked, as PyTorch does; a population flushes them.
using StepFunction = void (*)(const StepArray& piece, const StepScalars& scalars, LayerSums* sums);

StepFunction step_function(Tier tier, const StepVariant& variant);

/// Steps a whole array, piece by piece, and adds its sums to `sums` (null without statistics). Threads that step the
/// pieces themselves and add_sums() them in order get the same bits.
void step_array(StepFunction function, const StepArray& array, const StepScalars& scalars, LayerSums* sums);

/// Writes the step statistics of layers whose sums are complete: what finalize_statistics writes for each, faster.
/// @param moment_corrections [layers] StepScalars::moment_correction
/// @param statistics [layers x kStepStatisticCount]
using FinalizeFunction = void (*)(const LayerSums* sums, const double* moment_corrections, std::size_t layers,
                                  float* statistics);

FinalizeFunction finalize_function(Tier tier, Algorithm algorithm);

/// What a pass before the step measures: the scaled gradient, or with `trust` what a rule's trust ratio is made of.
struct MeasureVariant {
  bool trust = false;
  Algorithm algorithm = Algorithm::kSgd;  // one with a trust ratio
  bool from_gradient = false;             // as in StepVariant
};

/// Sums of squares of what is finite.
struct PieceNorms {
  double parameter_squared = 0;  // for a trust ratio, else 0
  double direction_squared = 0;  // of the scaled gradient; for a trust ratio, of the rule's direction
};

/// Measures one piece, as StepFunction steps it, and overwrites `norms`.
using MeasureFunction = void (*)(const StepArray& piece, const StepScalars& scalars, PieceNorms* norms);

MeasureFunction measure_function(Tier tier, const MeasureVariant& variant);

/// Gradients that are not finite after scaling.
std::uint64_t count_non_finite(Tier tier, const float* gradients, std::uint64_t size, float inverse_scale);

}  // namespace ganno

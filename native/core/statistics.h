#pragma once
// The statistics of one layer's step, and how block sums become them. See docs/numerics.md for the definitions.
//
//   1,024-element block --(16 float32 lanes, folded in float64)--> BlockSums --(left to right)--> LayerSums of a piece
//   of 65,536 elements --(left to right over pieces and arrays)--> LayerSums of the layer --> 14 statistics
//
// Every array starts a new block and a new piece, so none of this depends on threads or instruction sets. The functions
// are not inline on purpose: kernels compiled for a wide tier must not emit copies of them.
#include <cstddef>
#include <cstdint>

#include "core/optimizer_rule.h"

namespace ganno {

/// Order of the last axis of every statistics array (STATISTICS in src/).
enum Statistic : std::uint32_t {
  kGradientNorm,
  kGradientMean,
  kGradientVariance,
  kGradientMaxAbs,
  kParameterNorm,
  kParameterMean,
  kParameterVariance,
  kMomentNorm,
  kUpdateNorm,
  kUpdateRatio,
  kGradientMomentCosine,
  kGradientParameterCosine,
  kGradientUpdateCosine,
  kNonFiniteCount,
  kStepStatisticCount,  // 14: what one step yields
  kGradientNormSpread = kStepStatisticCount,
  kLearningRate,
  kPopulationStatisticCount,  // 16: what NetworkPopulation.train yields
};

inline constexpr std::size_t kBlockSize = 1024;             // elements whose lanes are summed in float32
inline constexpr std::size_t kPieceSize = 64 * kBlockSize;  // elements one call of a step function takes at most

/// Count, mean and sum of squared deviations of values seen so far.
struct Moments {
  double count = 0;
  double mean = 0;
  double squared_deviations = 0;

  constexpr double sum_of_squares() const { return squared_deviations + count * mean * mean; }
};

/// Sums over a piece or a layer.
struct LayerSums {
  Moments gradient;
  Moments parameter;
  double moment_squared = 0;
  double update_squared = 0;
  double gradient_moment = 0;
  double gradient_parameter = 0;
  double gradient_update = 0;
  float gradient_max_abs = 0;
  std::uint64_t non_finite = 0;
};

/// What a kernel knows of a block after one pass, the lanes folded: sums of deviations d = x - shift and of products.
/// The shift is the element of least magnitude among the block's first 16: near the mean when the mean dominates the
/// spread, small when it does not. Where norm or variance cancel all the same, keeps_digits() says so (block_sums.h).
struct BlockSums {
  double gradient_count = 0;  // finite ones
  double gradient_shift = 0;
  double gradient_deviation = 0;
  double gradient_deviation_squared = 0;
  double parameter_count = 0;  // finite ones
  double parameter_shift = 0;
  double parameter_deviation = 0;
  double parameter_deviation_squared = 0;
  double moment_squared = 0;
  double update_squared = 0;
  double gradient_moment = 0;
  double gradient_parameter = 0;
  double gradient_update = 0;
};

/// A block's arrays while they are still in cache, for the rare block whose float32 sums cannot be trusted.
struct BlockArrays {
  const float* gradients;  // unscaled
  float inverse_scale;
  const float* old_parameters;
  const float* new_parameters;
  const float* moments;  // first moment after the step; null where the rule keeps none
  std::size_t size;
};

/// Adds a block that has a sum outside [1e-30, 1e36], where float32 squares overflow or lose digits, or sums that
/// cancel, to a piece, or starts the piece with it: what is not right all the same is summed again in float64, in which
/// squares are exact.
void add_suspect_block(LayerSums& sums, bool first, const BlockSums& block, const BlockArrays& arrays);

/// Adds the sums of the next piece (or array) in order.
void add_sums(LayerSums& sums, const LayerSums& next);

/// Makes a piece's sums those of its bias-corrected first moments.
/// @param moment_correction StepScalars::moment_correction
void correct_moments(LayerSums& sums, double moment_correction);

/// The sum of squares of a block of up to 1,024 values, from its float32 sum: that, where it is within [1e-30, 1e36];
/// else summed again in float64, in which the squares are exact. Values that are not finite are left out.
double block_squares(double sum, const float* values, std::size_t size);

/// Writes the 14 step statistics of a layer whose sums are complete.
void finalize_statistics(const LayerSums& sums, Algorithm algorithm, const StepScalars& scalars,
                         float out[kStepStatisticCount]);

}  // namespace ganno

#pragma once
// From the sums of a block to the sums of a layer. Kernels compiled for a wide tier use these functions too; each file
// gets its own copy (static, always inline), so that the linker cannot keep a wide one for a narrow caller. constexpr,
// because nvcc compiles such functions for the device too.
#include "core/statistics.h"

namespace ganno {

// Below, a float32 square may be denormal and lose digits: 1,024 of them err by 1e-42 at most. Above, it may overflow.
inline constexpr double kSmallestSum = 1e-30;
inline constexpr double kLargestSum = 1e36;

[[gnu::always_inline]] static constexpr bool in_range(double sum) {
  return (sum >= kSmallestSum) & (sum <= kLargestSum);
}

[[gnu::always_inline]] static constexpr double sum_of_squares(double count, double shift, double deviation,
                                                              double deviation_squared) {
  return deviation_squared + shift * (2 * deviation + count * shift);
}

[[gnu::always_inline]] static constexpr double gradient_squares(const BlockSums& block) {
  return sum_of_squares(block.gradient_count, block.gradient_shift, block.gradient_deviation,
                        block.gradient_deviation_squared);
}

[[gnu::always_inline]] static constexpr double parameter_squares(const BlockSums& block) {
  return sum_of_squares(block.parameter_count, block.parameter_shift, block.parameter_deviation,
                        block.parameter_deviation_squared);
}

// A shift far from the mean lets digits cancel: an outlier in a block's first place, or 16 of them before a block of
// zeros. Of normal values no block in ten million does. The bounds of docs/numerics.md follow from these two.
inline constexpr double kLargestSquaresRatio = 4;          // of the deviations' squares to the values' squares
inline constexpr double kLargestMeanShare = 1 - 1.0 / 32;  // of the deviations' squares that their mean makes up

/// Whether the sums of deviations leave norm, mean and variance their digits.
[[gnu::always_inline]] static constexpr bool keeps_digits(double count, double deviation, double deviation_squared,
                                                          double squares) {
  return (deviation * (deviation / count) <= kLargestMeanShare * deviation_squared) &
         (deviation_squared <= kLargestSquaresRatio * squares);
}

[[gnu::always_inline]] static constexpr bool gradient_keeps_digits(const BlockSums& block) {
  return keeps_digits(block.gradient_count, block.gradient_deviation, block.gradient_deviation_squared,
                      gradient_squares(block));
}

[[gnu::always_inline]] static constexpr bool parameter_keeps_digits(const BlockSums& block) {
  return keeps_digits(block.parameter_count, block.parameter_deviation, block.parameter_deviation_squared,
                      parameter_squares(block));
}

/// Whether every float32 sum of a block can be trusted as it is. If not, add_suspect_block() looks closer.
[[gnu::always_inline]] static constexpr bool all_in_range(const BlockSums& block, bool has_moment) {
  return in_range(block.gradient_deviation_squared) & in_range(block.parameter_deviation_squared) &
         in_range(block.update_squared) & in_range(gradient_squares(block)) & in_range(parameter_squares(block)) &
         (!has_moment | in_range(block.moment_squared)) & gradient_keeps_digits(block) & parameter_keeps_digits(block);
}

[[gnu::always_inline]] static constexpr Moments block_moments(double count, double shift, double deviation,
                                                              double deviation_squared) {
  if (count == 0) return {};
  const double mean_deviation = deviation / count;
  const double squared_deviations = deviation_squared - deviation * mean_deviation;
  return {count, shift + mean_deviation, squared_deviations > 0 ? squared_deviations : 0.0};
}

[[gnu::always_inline]] static constexpr Moments gradient_moments(const BlockSums& block) {
  return block_moments(block.gradient_count, block.gradient_shift, block.gradient_deviation,
                       block.gradient_deviation_squared);
}

[[gnu::always_inline]] static constexpr Moments parameter_moments(const BlockSums& block) {
  return block_moments(block.parameter_count, block.parameter_shift, block.parameter_deviation,
                       block.parameter_deviation_squared);
}

/// Chan, Golub & LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances".
[[gnu::always_inline]] static constexpr void merge(Moments& moments, const Moments& next) {
  if (next.count == 0) return;
  if (moments.count == 0) {
    moments = next;
    return;
  }
  const double total = moments.count + next.count;
  const double difference = next.mean - moments.mean;
  const double share = next.count / total;
  moments.mean += difference * share;
  moments.squared_deviations += next.squared_deviations + difference * difference * (moments.count * share);
  moments.count = total;
}

/// Adds a block to a piece. The first one is written, not added to zeros: small layers have no other.
[[gnu::always_inline]] static constexpr void add_trusted_block(LayerSums& sums, bool first, const BlockSums& block) {
  if (first) {
    sums.gradient = gradient_moments(block);
    sums.parameter = parameter_moments(block);
    sums.moment_squared = block.moment_squared;
    sums.update_squared = block.update_squared;
    sums.gradient_moment = block.gradient_moment;
    sums.gradient_parameter = block.gradient_parameter;
    sums.gradient_update = block.gradient_update;
    return;
  }
  merge(sums.gradient, gradient_moments(block));
  merge(sums.parameter, parameter_moments(block));
  sums.moment_squared += block.moment_squared;
  sums.update_squared += block.update_squared;
  sums.gradient_moment += block.gradient_moment;
  sums.gradient_parameter += block.gradient_parameter;
  sums.gradient_update += block.gradient_update;
}

}  // namespace ganno

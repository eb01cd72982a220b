#pragma once
// core/block_sums.h for kernels: the figures of gradient and parameters side by side in one register, the same bits.
// Small layers have one block, whose end costs as much as its elements.
#include "core/block_sums.h"
#include "cpu/simd.h"

namespace ganno::GANNO_TIER {
namespace {

using Pair [[gnu::vector_size(16)]] = double;  // gradient, parameters

/// A block's sums, those that come in pairs first.
struct PairedSums {
  Pair count;
  Pair shift;
  Pair deviation;
  Pair deviation_squared;
  double update_squared;
  double moment_squared;
  double gradient_parameter;
  double gradient_update;
  double gradient_moment;
};

GANNO_INLINE BlockSums unpaired(const PairedSums& block) {
  BlockSums sums;
  sums.gradient_count = block.count[0];
  sums.gradient_shift = block.shift[0];
  sums.gradient_deviation = block.deviation[0];
  sums.gradient_deviation_squared = block.deviation_squared[0];
  sums.parameter_count = block.count[1];
  sums.parameter_shift = block.shift[1];
  sums.parameter_deviation = block.deviation[1];
  sums.parameter_deviation_squared = block.deviation_squared[1];
  sums.moment_squared = block.moment_squared;
  sums.update_squared = block.update_squared;
  sums.gradient_moment = block.gradient_moment;
  sums.gradient_parameter = block.gradient_parameter;
  sums.gradient_update = block.gradient_update;
  return sums;
}

/// As ganno::all_in_range.
GANNO_INLINE bool all_in_range(const PairedSums& block, bool has_moment) {
  const Pair squares = block.deviation_squared + block.shift * (2 * block.deviation + block.count * block.shift);
  const Pair others = {block.update_squared, has_moment ? block.moment_squared : block.update_squared};
  const auto inside = [](Pair sums) __attribute__((always_inline)) {
    return (sums >= kSmallestSum) & (sums <= kLargestSum);
  };
  const auto keeps_digits =
      (block.deviation * (block.deviation / block.count) <= kLargestMeanShare * block.deviation_squared) &
      (block.deviation_squared <= kLargestSquaresRatio * squares);
  const auto all = inside(squares) & inside(block.deviation_squared) & inside(others) & keeps_digits;
  return (all[0] & all[1]) != 0;
}

/// As ganno::add_trusted_block, for a block whose sums are all in range: its counts are above 0. Where a piece has had
/// no finite value yet, its count of 0 makes Chan's formula exact, and it needs no branch.
GANNO_INLINE void add_trusted_block(LayerSums& sums, bool first, const PairedSums& block) {
  const Pair mean_deviation = block.deviation / block.count;
  const Pair difference_of_squares = block.deviation_squared - block.deviation * mean_deviation;
  Pair count = block.count;
  Pair mean = block.shift + mean_deviation;
  Pair squared_deviations = difference_of_squares > 0 ? difference_of_squares : Pair{};
  if (first) {
    sums.moment_squared = block.moment_squared;
    sums.update_squared = block.update_squared;
    sums.gradient_moment = block.gradient_moment;
    sums.gradient_parameter = block.gradient_parameter;
    sums.gradient_update = block.gradient_update;
  } else {
    const Pair before = {sums.gradient.count, sums.parameter.count};
    const Pair mean_before = {sums.gradient.mean, sums.parameter.mean};
    const Pair squared_before = {sums.gradient.squared_deviations, sums.parameter.squared_deviations};
    const Pair total = before + count;
    const Pair difference = mean - mean_before;
    const Pair share = count / total;
    mean = mean_before + difference * share;
    squared_deviations = squared_before + (squared_deviations + difference * difference * (before * share));
    count = total;
    sums.moment_squared += block.moment_squared;
    sums.update_squared += block.update_squared;
    sums.gradient_moment += block.gradient_moment;
    sums.gradient_parameter += block.gradient_parameter;
    sums.gradient_update += block.gradient_update;
  }
  sums.gradient = {count[0], mean[0], squared_deviations[0]};
  sums.parameter = {count[1], mean[1], squared_deviations[1]};
}

}  // namespace
}  // namespace ganno::GANNO_TIER

#pragma once
// A block's sums while they are lanes: where they start (the shift) and how they are folded. See core/statistics.h.
#include "cpu/kernels/paired_sums.h"
#include "cpu/simd.h"

namespace ganno::GANNO_TIER {
namespace {

constexpr int kVectors = kVectorsPer16;
constexpr auto kWidth = static_cast<std::size_t>(kVectorWidth);

/// Sums over a block, each a row of 16 lanes; the first eight are folded together.
enum Sum : int {
  kGradientDeviation,
  kParameterDeviation,
  kGradientDeviationSquared,
  kParameterDeviationSquared,
  kUpdateSquared,
  kMomentSquared,
  kGradientParameter,
  kGradientUpdate,
  kGradientMoment,
  kSumCount
};

/// The part of the sums that one vector of each row holds.
struct LaneSums {
  Vector sums[kSumCount];
  Vector gradient_max_abs;
};

/// The finite element of least magnitude among the first 16 (0 when none is), in every lane: see BlockSums.
GANNO_INLINE Vector choose_shift(const float* values, std::size_t size, Vector scale) {
  Vector lanes[kVectors];
  for (int j = 0; j < kVectors; ++j) {
    const std::size_t first = static_cast<std::size_t>(j) * kWidth;
    if (size >= 16) {
      lanes[j] = load(values + first) * scale;
    } else {
      const std::size_t left = size > first ? size - first : 0;
      const std::size_t count = left < kWidth ? left : kWidth;
      const Vector read = load_partial(values + (count == 0 ? 0 : first), count) * scale;
      lanes[j] = select(first_lanes(count), read, set1(__builtin_nanf("")));
    }
  }
  return least_magnitude16(lanes);
}

/// Folds the lanes of a block; counts and shifts are the caller's to fill in.
template <bool kFirstMoment>
GANNO_INLINE PairedSums fold_block(const LaneSums (&lanes)[kVectors]) {
  Vector rows[8][kVectors];
  for (int row = 0; row < 8; ++row) {
    for (int j = 0; j < kVectors; ++j) rows[row][j] = lanes[j].sums[row];
  }
  alignas(64) double folded[8];
  fold16x8(rows, folded);
  asm("" : "+m"(folded));  // loads are cheaper than the shuffles that would take a wide register apart
  PairedSums block;
  std::memcpy(&block.deviation, folded + kGradientDeviation, sizeof block.deviation);
  std::memcpy(&block.deviation_squared, folded + kGradientDeviationSquared, sizeof block.deviation_squared);
  block.update_squared = folded[kUpdateSquared];
  block.moment_squared = folded[kMomentSquared];
  block.gradient_parameter = folded[kGradientParameter];
  block.gradient_update = folded[kGradientUpdate];
  block.gradient_moment = 0;
  if (kFirstMoment) {
    Vector row[kVectors];
    for (int j = 0; j < kVectors; ++j) row[j] = lanes[j].sums[kGradientMoment];
    block.gradient_moment = fold16(row);
  }
  return block;
}

}  // namespace
}  // namespace ganno::GANNO_TIER

#pragma once
// The statistics of one layer's step, and how block sums become them. See docs/numerics.md for the definitions.
#include <cstdint>
#include <limits>

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

/// Running mean and sum of squared deviations, merged block by block with Chan's formula in a fixed order.
struct Moments {
  double count = 0;
  double mean = 0;
  double squared_deviations = 0;

  void merge(double other_count, double other_mean, double other_squared_deviations) {
    if (other_count == 0) return;
    const double total = count + other_count;
    const double difference = other_mean - mean;
    mean += difference * (other_count / total);
    squared_deviations += other_squared_deviations + difference * difference * (count * other_count / total);
    count = total;
  }
};

/// Sums over a layer, folded from 1,024-element blocks in a fixed order: the same bits for any tier and thread count.
struct LayerSums {
  double gradient_squared = 0;
  double parameter_squared = 0;
  double moment_squared = 0;
  double update_squared = 0;
  double gradient_moment = 0;
  double gradient_parameter = 0;
  double gradient_update = 0;
  Moments gradient;
  Moments parameter;
  float gradient_max_abs = 0;
  std::uint64_t non_finite = 0;
};

/// Writes the 14 step statistics of a layer whose sums are complete.
void finalize_statistics(const LayerSums& sums, float out[kStepStatisticCount]);

}  // namespace ganno

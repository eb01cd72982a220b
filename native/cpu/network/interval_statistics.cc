#include "cpu/network/interval_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ganno {

namespace {

float finite(double value) {
  constexpr double kLimit = std::numeric_limits<float>::max();
  return std::isnan(value) ? 0.0f : static_cast<float>(std::clamp(value, -kLimit, kLimit));
}

}  // namespace

void IntervalStatistics::clear() {
  std::fill(layers_.begin(), layers_.end(), Layer{});
}

void IntervalStatistics::add(std::size_t index, const float (&step)[kStepStatisticCount], float learning_rate) {
  Layer& layer = layers_[index];
  for (std::size_t i = 0; i < kStepStatisticCount; ++i) {
    const double value = static_cast<double>(finite(static_cast<double>(step[i])));
    layer.sums[i] = i == kGradientMaxAbs ? std::max(layer.sums[i], value) : layer.sums[i] + value;
  }
  layer.learning_rate += static_cast<double>(learning_rate);
  // Welford's update.
  const double norm = static_cast<double>(finite(static_cast<double>(step[kGradientNorm])));
  layer.gradient_norm.count += 1;
  const double difference = norm - layer.gradient_norm.mean;
  layer.gradient_norm.mean += difference / layer.gradient_norm.count;
  layer.gradient_norm.squared_deviations += difference * (norm - layer.gradient_norm.mean);
}

void IntervalStatistics::write(float* out) const {
  for (const Layer& layer : layers_) {
    const double steps = layer.gradient_norm.count;
    for (std::size_t i = 0; i < kStepStatisticCount; ++i) {
      const bool whole = i == kGradientMaxAbs || i == kNonFiniteCount;
      out[i] = steps == 0 ? 0.0f : finite(whole ? layer.sums[i] : layer.sums[i] / steps);
    }
    const double mean = layer.gradient_norm.mean;
    out[kGradientNormSpread] =
        mean > 0 ? finite(std::sqrt(std::max(layer.gradient_norm.squared_deviations, 0.0) / steps) / mean) : 0.0f;
    out[kLearningRate] = steps == 0 ? 0.0f : finite(layer.learning_rate / steps);
    out += kPopulationStatisticCount;
  }
}

}  // namespace ganno

#pragma once
// One layer's statistics over an interval of steps: means, except the largest gradient (maximum) and the non-finite
// entries (sum), and the two figures that only an interval has. In a header because kernels of a GPU compile it too.
#include <cmath>
#include <cstdint>
#include <limits>

#include "core/statistics.h"

namespace ganno {

class LayerInterval {
 public:
  constexpr void add(const float (&step)[kStepStatisticCount], float learning_rate) {
    for (std::uint32_t i = 0; i < kStepStatisticCount; ++i) {
      const double value = finite(static_cast<double>(step[i]));
      if (i == kGradientMaxAbs) {
        sums_[i] = sums_[i] < value ? value : sums_[i];
      } else {
        sums_[i] += value;
      }
    }
    learning_rate_ += static_cast<double>(learning_rate);
    // Welford's update.
    const double norm = finite(static_cast<double>(step[kGradientNorm]));
    gradient_norm_.count += 1;
    const double difference = norm - gradient_norm_.mean;
    gradient_norm_.mean += difference / gradient_norm_.count;
    gradient_norm_.squared_deviations += difference * (norm - gradient_norm_.mean);
  }

  /// @param out [kPopulationStatisticCount]; finite, zero where no step was taken
  constexpr void write(float* out) const {
    const double steps = gradient_norm_.count;
    for (std::uint32_t i = 0; i < kStepStatisticCount; ++i) {
      const bool whole = i == kGradientMaxAbs || i == kNonFiniteCount;
      out[i] = steps == 0 ? 0.0f : static_cast<float>(finite(whole ? sums_[i] : sums_[i] / steps));
    }
    const double mean = gradient_norm_.mean;
    const double squares = gradient_norm_.squared_deviations;
    out[kGradientNormSpread] =
        mean > 0 ? static_cast<float>(finite(std::sqrt((squares > 0 ? squares : 0) / steps) / mean)) : 0.0f;
    out[kLearningRate] = steps == 0 ? 0.0f : static_cast<float>(finite(learning_rate_ / steps));
  }

 private:
  /// NaN becomes 0, the rest is brought into float32's range.
  static constexpr double finite(double value) {
    constexpr double kLimit = std::numeric_limits<float>::max();
    if (value != value) return 0;
    return value > kLimit ? kLimit : value < -kLimit ? -kLimit : value;
  }

  double sums_[kStepStatisticCount] = {};
  double learning_rate_ = 0;
  Moments gradient_norm_;
};

}  // namespace ganno

#pragma once
// One network's statistics over an interval of steps: means, except the largest gradient (maximum) and the non-finite
// entries (sum), and the two figures that only an interval has.
#include <cstdint>
#include <vector>

#include "core/statistics.h"

namespace ganno {

class IntervalStatistics {
 public:
  explicit IntervalStatistics(std::size_t layers) : layers_(layers) {}

  void clear();
  void add(std::size_t layer, const float (&step)[kStepStatisticCount], float learning_rate);
  /// @param out [layers x kPopulationStatisticCount]; finite, zero where no step was taken
  void write(float* out) const;

 private:
  struct Layer {
    double sums[kStepStatisticCount] = {};
    double learning_rate = 0;
    Moments gradient_norm;
  };
  std::vector<Layer> layers_;
};

}  // namespace ganno

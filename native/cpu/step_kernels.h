#pragma once
// The fused pass: one array's optimiser step and its statistics, read once.
#include <cstdint>

#include "core/optimizer_rule.h"
#include "core/statistics.h"
#include "cpu/tier.h"

namespace ganno {

/// One array of a layer. Any alignment; moments may be null where the rule keeps none.
struct StepArray {
  float* parameters = nullptr;
  const float* gradients = nullptr;
  float* moment1 = nullptr;  // velocity (momentum, nesterov), first moment (adam), squared average (rmsprop)
  float* moment2 = nullptr;  // second moment (adam)
  std::uint64_t size = 0;
};

/// What a step function is specialised for.
struct StepVariant {
  Algorithm algorithm = Algorithm::kSgd;
  bool statistics = true;
  bool store = true;  // false: compute the statistics the step would have, change nothing (the environment's probe)
  NonFinitePolicy non_finite =
      NonFinitePolicy::kSkipElement;  // layer- and network-wide skips are decided by the caller
};

/// Steps one array and adds its sums (folded block by block, in order) to `sums`; `sums` is null without statistics.
using StepFunction = void (*)(const StepArray& array, const StepScalars& scalars, LayerSums* sums);

StepFunction step_function(Tier tier, const StepVariant& variant);

}  // namespace ganno

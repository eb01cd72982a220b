#pragma once
#include <span>

#include "core/layerwise_step.h"
#include "node/napi_setup.h"

namespace ganno::node {

/// The class LayerwisePlan of binding.d.ts.
Napi::Function layerwise_plan_class(Napi::Env env);

/// The step of a LayerwisePlan and the controls that it was last called with; zeros before the first call. Both are the
/// plan's.
struct PlanStep {
  LayerwiseStep& step;
  std::span<const double> controls;
};

/// Of a plan, for functions that are not methods of it. @throws std::invalid_argument when it is no LayerwisePlan of
/// this addon, or busy; CodedError DISPOSED
PlanStep step_of(Napi::Value plan);

}  // namespace ganno::node

#pragma once
#include <span>

#include "core/layerwise_engine.h"
#include "node/napi_setup.h"

namespace ganno::node {

/// The class LayerwisePlan of binding.d.ts.
Napi::Function layerwise_plan_class(Napi::Env env);

/// What the next step of a LayerwisePlan is taken with. Both are the plan's.
struct PlanStep {
  LayerwiseEngine& engine;
  std::span<const double> controls;
};

/// Of a plan, for functions that are not methods of it. @throws std::invalid_argument when it is no LayerwisePlan of
/// this addon, or busy; CodedError DISPOSED
PlanStep step_of(Napi::Value plan);

}  // namespace ganno::node

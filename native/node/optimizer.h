#pragma once
#include "node/napi_setup.h"

namespace ganno::node {

/// The class LayerwisePlan of binding.d.ts.
Napi::Function layerwise_plan_class(Napi::Env env);

}  // namespace ganno::node

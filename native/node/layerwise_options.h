#pragma once
// Reading what a LayerwisePlan is made from.
#include "core/layerwise_step.h"
#include "node/napi_setup.h"

namespace ganno::node {

/// @param options LayerwisePlanOptions of binding.d.ts; reading them may run the caller's code
LayerwiseOptions read_layerwise_options(Napi::Object options);

}  // namespace ganno::node

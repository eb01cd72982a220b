#pragma once
#include "node/napi_setup.h"

namespace ganno::node {

/// measureFmaPeak(tier, milliseconds, threads): see binding.d.ts.
Napi::Value measure_fma_peak(const Napi::CallbackInfo& info);

}  // namespace ganno::node

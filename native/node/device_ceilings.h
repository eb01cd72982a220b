#pragma once
#include "node/napi_setup.h"

namespace ganno::node {

/// measureDeviceCopy(device, bytes, copies) and measureDeviceFma(device, iterations): see binding.d.ts.
Napi::Value measure_device_copy(const Napi::CallbackInfo& info);
Napi::Value measure_device_fma(const Napi::CallbackInfo& info);

}  // namespace ganno::node

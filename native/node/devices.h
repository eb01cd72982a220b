#pragma once
#include "node/napi_setup.h"

namespace ganno::node {

/// cudaDevices() of binding.d.ts.
Napi::Value cuda_devices(const Napi::CallbackInfo& info);

/// cublasLibrary() of binding.d.ts.
Napi::Value cublas_library(const Napi::CallbackInfo& info);

}  // namespace ganno::node

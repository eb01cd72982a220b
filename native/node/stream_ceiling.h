#pragma once
#include "node/napi_setup.h"

namespace ganno::node {

/// The class StreamCeiling of binding.d.ts.
Napi::Function stream_ceiling_class(Napi::Env env);

}  // namespace ganno::node

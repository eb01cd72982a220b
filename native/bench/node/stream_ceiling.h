#pragma once
#include "node/napi_setup.h"

namespace ganno::node {

/// The class StreamCeiling of bench/binding-bench.d.ts.
Napi::Function stream_ceiling_class(Napi::Env env);

}  // namespace ganno::node

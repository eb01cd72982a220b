#pragma once
#include "node/napi_setup.h"

namespace ganno::node {

/// Everything that bench/binding-bench.d.ts declares.
Napi::Object add_bench_exports(Napi::Env env, Napi::Object exports);

}  // namespace ganno::node

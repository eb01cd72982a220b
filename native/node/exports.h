#pragma once
#include "node/napi_setup.h"

namespace ganno::node {

/// Everything that binding.d.ts declares.
Napi::Object add_exports(Napi::Env env, Napi::Object exports);

}  // namespace ganno::node

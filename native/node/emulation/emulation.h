#pragma once
#include "node/napi_setup.h"

namespace ganno::node {

/// What only ganno-emulated.node exports: the object `emulation`, through which tests change the emulated machine.
Napi::Object emulation_exports(Napi::Env env);

}  // namespace ganno::node

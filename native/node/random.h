#pragma once
#include "node/napi_setup.h"

namespace ganno::node {

/// randomBlocks of binding.d.ts.
void random_blocks(const Napi::CallbackInfo& info);

}  // namespace ganno::node

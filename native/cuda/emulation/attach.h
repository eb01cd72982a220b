#pragma once
// Libraries that stand in for NVIDIA's in tests: they work on emulated streams and memory.
#include <functional>

#include "cuda/emulation/runtime_api.h"

namespace ganno::cuda::emulation {

/// What such a library is given.
struct AttachedRuntime {
  /// Queues work on a stream, or records it; recorded_calls() names it "library".
  cudaError_t (*enqueue)(cudaStream_t stream, std::function<void()> run);
};
/// What it exports, as "ganno_attach".
using Attach = void (*)(const AttachedRuntime&);

/// @returns null where it cannot be loaded, or is not such a library
void* open_library(const char* name);

}  // namespace ganno::cuda::emulation

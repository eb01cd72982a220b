#pragma once
// The kernels of bench/cuda/ceilings.h.
#include <cstdint>

#include "cuda/runtime.h"

namespace ganno::cuda {

/// Enough threads to fill a multiprocessor (2,048), and enough independent chains in each to hide the latency of one.
inline constexpr unsigned kFmaThreads = 256, kFmaBlocksPerMultiprocessor = 8, kFmaChains = 16;

/// Every thread leaves the sum of its chains in results[thread]: of 0 to 15, after each was halved and increased by 1
/// `iterations` times.
cudaError_t launch_fma(unsigned blocks, std::uint32_t iterations, float* results, cudaStream_t stream);

}  // namespace ganno::cuda

// Arithmetic at full speed: no memory but one store a thread at the end.
#include "bench/cuda/ceiling_kernels.h"

namespace ganno::cuda {

namespace {

/// @param factor an argument, so that the compiler does not know what comes out
__global__ void fma_kernel(std::uint32_t iterations, float factor, float* results) {
  float chains[kFmaChains];
#pragma unroll
  for (unsigned chain = 0; chain < kFmaChains; ++chain) chains[chain] = static_cast<float>(chain);
  for (std::uint32_t i = 0; i < iterations; ++i) {
#pragma unroll
    for (unsigned chain = 0; chain < kFmaChains; ++chain) chains[chain] = __fmaf_rn(chains[chain], factor, 1.0f);
  }
  float sum = 0;
#pragma unroll
  for (unsigned chain = 0; chain < kFmaChains; ++chain) sum += chains[chain];
  results[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}

}  // namespace

cudaError_t launch_fma(unsigned blocks, std::uint32_t iterations, float* results, cudaStream_t stream) {
  return launch({dim3(blocks), dim3(kFmaThreads), 0, stream}, fma_kernel, iterations, 0.5f, results);
}

}  // namespace ganno::cuda

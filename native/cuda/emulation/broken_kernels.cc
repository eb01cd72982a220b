#include "cuda/emulation/broken_kernels.h"

#include <array>
#include <stdexcept>

#include "cuda/device.h"
#include "cuda/tensor_core.h"

namespace ganno::cuda::emulation {

namespace {

constexpr int kThreads = 64;

/// A barrier that only some threads reach.
__global__ void divergent_barrier(float*, bool broken) {
  if (!broken || threadIdx.x < 40) __syncthreads();
}

/// Two barriers for one: the threads meet at different places.
__global__ void two_barriers(float*, bool broken) {
  if (!broken) {
    __syncthreads();
  } else if (threadIdx.x % 2 == 0) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}

__global__ void shared_out_of_bounds(float* out, bool broken) {
  GANNO_SHARED(float, values, kThreads);
  values[static_cast<int>(threadIdx.x) + (broken ? 1 : 0)] = 1;
  __syncthreads();
  if (threadIdx.x == 0) out[0] = values[0];
}

__global__ void shared_unwritten(float* out, bool broken) {
  GANNO_SHARED(float, values, kThreads);
  if (!broken || threadIdx.x != 5) values[threadIdx.x] = 1;
  __syncthreads();
  out[threadIdx.x] = values[threadIdx.x];
}

/// Neighbours read what a thread writes, with no barrier between.
__global__ void shared_race(float* out, bool broken) {
  GANNO_SHARED(float, values, kThreads);
  values[threadIdx.x] = 0;
  __syncthreads();
  values[threadIdx.x] = static_cast<float>(threadIdx.x);
  if (!broken) __syncthreads();
  out[threadIdx.x] = values[(threadIdx.x + 1) % kThreads];
}

/// A lane reads from one that its mask does not name.
__global__ void shuffle_mask(float* out, bool broken) {
  if (threadIdx.x >= 16) return;
  out[threadIdx.x] = __shfl_xor_sync(0xffffu, 1.0f, broken ? 16 : 8);
}

/// Half the lanes ask for a shuffle, the other half for a vote, all of all.
__global__ void divergent_warp(float* out, bool broken) {
  if (broken && threadIdx.x % 2 == 0) {
    out[threadIdx.x] = static_cast<float>(__ballot_sync(0xffffffffu, 1));
  } else {
    out[threadIdx.x] = __shfl_down_sync(0xffffffffu, 1.0f, 1);
  }
}

/// An operand that a tensor core would cut off.
__global__ void unrounded_operand(float* out, bool broken) {
  const float third = 1.0f / 3.0f;
  const float value = broken && threadIdx.x == 9 ? third : round_to_tf32(third);
  float c[4] = {};
  multiply_tf32(c, {value, value, value, value}, {value, value});
  out[threadIdx.x] = c[0];
}

/// A warp whose upper half leaves before a product of all.
__global__ void divergent_product(float* out, bool broken) {
  if (broken && threadIdx.x % 32 >= 16) return;
  float c[4] = {};
  multiply_tf32(c, {1, 1, 1, 1}, {1, 1});
  out[threadIdx.x] = c[0];
}

__global__ void global_out_of_bounds(float* out, bool broken) {
  out[threadIdx.x + (broken ? 8 : 0)] = 1;
}

struct Entry {
  std::string_view name;
  void (*kernel)(float*, bool);
};
constexpr std::array kKernels = {Entry{"divergent barrier", divergent_barrier},
                                 Entry{"two barriers", two_barriers},
                                 Entry{"shared memory out of bounds", shared_out_of_bounds},
                                 Entry{"shared memory unwritten", shared_unwritten},
                                 Entry{"shared memory race", shared_race},
                                 Entry{"shuffle mask", shuffle_mask},
                                 Entry{"divergent warp", divergent_warp},
                                 Entry{"divergent tensor product", divergent_product},
                                 Entry{"operand that is not TF32", unrounded_operand},
                                 Entry{"global memory out of bounds", global_out_of_bounds}};
constexpr auto kNames = [] {
  std::array<std::string_view, kKernels.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kKernels[i].name;
  return names;
}();

}  // namespace

std::span<const std::string_view> broken_kernel_names() {
  return kNames;
}

std::string run_kernel(std::string_view name, bool broken) {
  for (const Entry& entry : kKernels) {
    if (entry.name != name) continue;
    configure(current_machine());
    const cuda::Stream stream;
    const DeviceBuffer<float> out(kThreads);
    launch({2, kThreads, 0, stream.get()}, entry.kernel, out.data(), broken);
    cudaStreamSynchronize(stream.get());
    const std::string report = last_report();
    configure(current_machine());
    return report;
  }
  throw std::invalid_argument("there is no broken kernel of that name");
}

}  // namespace ganno::cuda::emulation

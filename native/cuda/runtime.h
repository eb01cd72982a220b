#pragma once
// The CUDA runtime, or its emulation on the CPU (GANNO_CUDA_EMULATED: tests). Everything in native/cuda is written
// against this header, so that tests run the very source that a GPU runs. Where the two differ:
//
//   SharedPointer<T>                 T* on a GPU; a checking pointer in the emulation
//   GANNO_SHARED(T, name, count)     declares `SharedPointer<T> name` over count elements of shared memory
//   GANNO_DYNAMIC_SHARED(T, name)    the same over the launch's dynamic shared memory
//   shared_as<U>(pointer)            the same shared memory as elements of another type (float4 for 128-bit accesses)
//   load4, store4                    128-bit accesses to global memory; the address must be a multiple of 16 bytes
//   launch({grid, block, shared_bytes, stream}, kernel, arguments...)      instead of <<<>>>
//
// Elements of shared memory are 4, 8, 12 or 16 bytes and are read and written whole. Contraction is off (-fmad=false):
// a fused multiply-add is written __fmaf_rn. No approximate intrinsics: the CPU could not give the same bits.
#include <cstddef>

#if defined(GANNO_CUDA_EMULATED)
#include "cuda/emulation/language.h"
#include "cuda/emulation/runtime_api.h"
#else
#include <cuda_runtime.h>
#endif

namespace ganno::cuda {

struct Launch {
  dim3 grid;
  dim3 block;
  std::size_t dynamic_shared_bytes;
  cudaStream_t stream;
  /// Whether the kernel's file is compiled with -ftz=true: the emulation has to be told.
  bool flush_denormals = false;
};

#if defined(GANNO_CUDA_EMULATED)

template <class Value>
using SharedPointer = emulation::SharedPointer<Value>;
template <class Value, class From>
SharedPointer<Value> shared_as(const SharedPointer<From>& pointer) {
  return pointer.template as<Value>();
}

#define GANNO_SHARED(Value, name, count) \
  static const char name##_site = 0;     \
  const auto name = ::ganno::cuda::emulation::declare_shared<Value>(&name##_site, count)
#define GANNO_DYNAMIC_SHARED(Value, name) const auto name = ::ganno::cuda::emulation::dynamic_shared<Value>()

inline float4 load4(const float* address) {
  if (reinterpret_cast<std::uintptr_t>(address) % 16 != 0) emulation::fail("misaligned 128-bit load");
  float4 value;
  std::memcpy(&value, address, sizeof value);
  return value;
}
inline void store4(float* address, float4 value) {
  if (reinterpret_cast<std::uintptr_t>(address) % 16 != 0) emulation::fail("misaligned 128-bit store");
  std::memcpy(address, &value, sizeof value);
}

template <class... Parameters, class... Arguments>
cudaError_t launch(const Launch& where, void (*kernel)(Parameters...), Arguments&&... arguments) {
  return emulation::enqueue_kernel(where.stream, where.grid, where.block, where.dynamic_shared_bytes,
                                   where.flush_denormals, reinterpret_cast<const void*>(kernel),
                                   // Arguments are copied at the launch, as CUDA does.
                                   [=] { kernel(static_cast<Parameters>(arguments)...); });
}

#elif defined(__CUDACC__)

template <class Value>
using SharedPointer = Value*;
template <class Value, class From>
__device__ __forceinline__ Value* shared_as(From* pointer) {
  return reinterpret_cast<Value*>(pointer);
}

#define GANNO_SHARED(Value, name, count) __shared__ __align__(16) Value name[count]
#define GANNO_DYNAMIC_SHARED(Value, name)                                      \
  extern __shared__ __align__(16) unsigned char ganno_dynamic_shared_memory[]; \
  Value* const name = reinterpret_cast<Value*>(ganno_dynamic_shared_memory)

__device__ __forceinline__ float4 load4(const float* address) {
  return *reinterpret_cast<const float4*>(address);
}
__device__ __forceinline__ void store4(float* address, float4 value) {
  *reinterpret_cast<float4*>(address) = value;
}

template <class... Parameters, class... Arguments>
cudaError_t launch(const Launch& where, void (*kernel)(Parameters...), Arguments&&... arguments) {
  cudaLaunchConfig_t configuration = {};
  configuration.gridDim = where.grid;
  configuration.blockDim = where.block;
  configuration.dynamicSmemBytes = where.dynamic_shared_bytes;
  configuration.stream = where.stream;
  return cudaLaunchKernelEx(&configuration, kernel, static_cast<Arguments&&>(arguments)...);
}

#endif

}  // namespace ganno::cuda

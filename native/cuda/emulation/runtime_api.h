#pragma once
// The part of the CUDA runtime that native/cuda uses. Streams are queues whose work runs when somebody waits for it, or
// at once: which of the two is drawn for each operation, because a GPU may do either, and code that reads too early or
// writes too soon shows in one of them. Device memory is host memory between canaries, filled with NaN.
#include <cstddef>
#include <cstdint>
#include <functional>

#include "cuda/emulation/vector_types.h"

namespace ganno::cuda::emulation {

struct Stream;
struct Event;
struct Graph;

}  // namespace ganno::cuda::emulation

using cudaStream_t = ganno::cuda::emulation::Stream*;
using cudaEvent_t = ganno::cuda::emulation::Event*;
using cudaGraph_t = ganno::cuda::emulation::Graph*;
using cudaGraphExec_t = ganno::cuda::emulation::Graph*;

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorNotReady = 600,
  cudaErrorLaunchFailure = 719,
  cudaErrorStreamCaptureUnsupported = 900,
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };
enum cudaStreamCaptureMode {
  cudaStreamCaptureModeGlobal,
  cudaStreamCaptureModeThreadLocal,
  cudaStreamCaptureModeRelaxed
};
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
enum cudaDeviceAttr {
  cudaDevAttrMultiProcessorCount = 16,
  cudaDevAttrMaxSharedMemoryPerBlockOptin = 97,
};
inline constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2, cudaHostAllocDefault = 0;

struct cudaDeviceProp {
  char name[256];
  std::size_t totalGlobalMem;
  std::size_t sharedMemPerBlockOptin;
  int multiProcessorCount;
  int major, minor;
  int l2CacheSize;
};

cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaRuntimeGetVersion(int* version);
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaDeviceSynchronize();
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total);
cudaError_t cudaGetLastError();
cudaError_t cudaPeekAtLastError();
const char* cudaGetErrorName(cudaError_t error);
const char* cudaGetErrorString(cudaError_t error);

cudaError_t cudaMalloc(void** memory, std::size_t bytes);
cudaError_t cudaFree(void* memory);
cudaError_t cudaHostAlloc(void** memory, std::size_t bytes, unsigned flags);
cudaError_t cudaFreeHost(void* memory);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind);
cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream);

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamQuery(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags = 0);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end);

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long flags = 0);
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable);

namespace ganno::cuda::emulation {

cudaError_t enqueue_kernel(cudaStream_t stream, dim3 grid, dim3 block, std::size_t dynamic_shared_bytes,
                           bool flush_denormals, const void* kernel, std::function<void()> run);
cudaError_t allow_dynamic_shared(const void* kernel, std::size_t bytes);

/// What the emulated machine is like; tests change it.
struct Machine {
  int driver_version = 13000;  // 0: no driver
  int devices = 1;
  std::size_t memory = std::size_t{4} << 30;
  int multiprocessors = 3;  // few, so that small cases have chunks of several blocks
  std::uint64_t seed = 1;   // of the order of threads and blocks, and of when streams run
  int fail_after = -1;      // so many calls from now on one fails with `fail_with`; -1: none
  cudaError_t fail_with = cudaErrorLaunchFailure;
};
/// Replaces the machine and forgets errors; allocations stay.
void configure(const Machine& machine);
Machine current_machine();
/// What was wrong with the kernel that failed last; empty when none did since configure().
const char* last_report();
/// Bytes allocated on the device and not freed.
std::size_t allocated_bytes();

}  // namespace ganno::cuda::emulation

template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel* kernel, cudaFuncAttribute, int value) {
  return ganno::cuda::emulation::allow_dynamic_shared(reinterpret_cast<const void*>(kernel),
                                                      static_cast<std::size_t>(value));
}
template <class Value>
cudaError_t cudaMalloc(Value** memory, std::size_t bytes) {
  return cudaMalloc(reinterpret_cast<void**>(memory), bytes);
}

// The emulated machine: its devices, its errors.
#include "cuda/emulation/runtime_api.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "cuda/emulation/shared_memory.h"
#include "cuda/emulation/world.h"

namespace ganno::cuda::emulation {

void configure(const Machine& machine) {
  World& w = world();
  const std::lock_guard lock(w.mutex);
  w.machine = machine;
  w.random.seed(static_cast<std::minstd_rand::result_type>(machine.seed % 2147483647 + 1));
  w.last = w.sticky = cudaSuccess;
  w.report.clear();
  w.calls.clear();
  w.break_after = -1;
  for (auto& [stream, owner] : w.streams) stream->waiting.clear();
}

Machine current_machine() {
  const std::lock_guard lock(world().mutex);
  return world().machine;
}

const char* last_report() {
  return world().report.c_str();
}

std::size_t allocated_bytes() {
  const std::lock_guard lock(world().mutex);
  return world().memory.allocated();
}

}  // namespace ganno::cuda::emulation

using namespace ganno::cuda::emulation;

cudaError_t cudaDriverGetVersion(int* version) {
  *version = current_machine().driver_version;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  return call([&](World& w) {
    if (w.machine.driver_version < 13000) return cudaErrorInsufficientDriver;
    if (w.machine.devices == 0) return cudaErrorNoDevice;
    *count = w.machine.devices;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return call([&](World& w) {
    if (device < 0 || device >= w.machine.devices) return cudaErrorInvalidDevice;
    *properties = {};
    std::strcpy(properties->name, "Emulated GPU");
    properties->totalGlobalMem = w.machine.memory;
    properties->sharedMemPerBlockOptin = SharedMemory::kLimit;
    properties->multiProcessorCount = w.machine.multiprocessors;
    properties->major = 9;
    properties->l2CacheSize = 1 << 20;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return call([&](World& w) {
    if (device < 0 || device >= w.machine.devices) return cudaErrorInvalidDevice;
    *value = attribute == cudaDevAttrMultiProcessorCount ? w.machine.multiprocessors
                                                         : static_cast<int>(SharedMemory::kLimit);
    return cudaSuccess;
  });
}

namespace {
thread_local int selected_device = 0;
}

cudaError_t cudaGetDevice(int* device) {
  *device = selected_device;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  return call([&](World& w) {
    if (device < 0 || device >= w.machine.devices) return cudaErrorInvalidDevice;
    selected_device = device;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceSynchronize() {
  return call([](World& w) {
    for (auto& [stream, owner] : w.streams) drain(w, *stream);
    return w.sticky;
  });
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  return call([&](World& w) {
    *total = w.machine.memory;
    *free = w.machine.memory - std::min(w.machine.memory, w.memory.allocated());
    return cudaSuccess;
  });
}

cudaError_t cudaGetLastError() {
  World& w = world();
  const std::lock_guard lock(w.mutex);
  return std::exchange(w.last, w.sticky);
}

cudaError_t cudaPeekAtLastError() {
  const std::lock_guard lock(world().mutex);
  return world().last;
}

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInsufficientDriver:
      return "cudaErrorInsufficientDriver";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
    default:
      return "cudaErrorUnknown";
  }
}

const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorLaunchFailure && *last_report() != '\0' ? last_report() : cudaGetErrorName(error);
}

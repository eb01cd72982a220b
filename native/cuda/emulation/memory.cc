// Allocation and copies of the emulated runtime.
#include <cstdlib>
#include <cstring>

#include "cuda/emulation/world.h"

using namespace ganno::cuda::emulation;

namespace {

bool is_pinned(const World& w, const void* memory) {
  const auto* address = static_cast<const char*>(memory);
  auto next = w.pinned.upper_bound(address);
  return next != w.pinned.begin() && address < std::prev(next)->first + std::prev(next)->second;
}

bool copy_fits(const World& w, const void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const bool to_device = kind != cudaMemcpyDeviceToHost;
  const bool from_device = kind != cudaMemcpyHostToDevice;
  return w.memory.contains(to, to_device ? bytes : 1) == to_device &&
         w.memory.contains(from, from_device ? bytes : 1) == from_device;
}

}  // namespace

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  return call([&](World& w) {
    *memory = w.memory.allocate(bytes, w.machine.memory);
    return *memory == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
  });
}

// Freeing works whatever has failed before, so that destructors can clean up; cudaFree waits for the device.
cudaError_t cudaFree(void* memory) {
  World& w = world();
  const std::lock_guard lock(w.mutex);
  if (memory == nullptr) return cudaSuccess;
  for (auto& [stream, owner] : w.streams) drain(w, *stream);
  return w.memory.release(static_cast<char*>(memory)) ? w.sticky : cudaErrorInvalidValue;
}

cudaError_t cudaHostAlloc(void** memory, std::size_t bytes, unsigned) {
  return call([&](World& w) {
    *memory = std::malloc(bytes == 0 ? 1 : bytes);
    if (*memory == nullptr) return cudaErrorMemoryAllocation;
    w.pinned[static_cast<const char*>(*memory)] = bytes;
    return cudaSuccess;
  });
}

cudaError_t cudaFreeHost(void* memory) {
  World& w = world();
  const std::lock_guard lock(w.mutex);
  if (memory == nullptr) return cudaSuccess;
  if (w.pinned.erase(static_cast<const char*>(memory)) == 0) return cudaErrorInvalidValue;
  for (auto& [stream, owner] : w.streams) drain(w, *stream);
  std::free(memory);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return call([&](World& w) {
    if (bytes == 0) return cudaSuccess;
    if (!copy_fits(w, to, from, bytes, kind)) return cudaErrorInvalidValue;
    const bool pageable = (kind == cudaMemcpyHostToDevice && !is_pinned(w, from)) ||
                          (kind == cudaMemcpyDeviceToHost && !is_pinned(w, to));
    const bool captured = w.streams.contains(stream) && stream->capture;
    if (pageable && captured) return cudaErrorStreamCaptureUnsupported;  // allowed on a GPU, and hardly ever meant
    if (pageable && kind == cudaMemcpyHostToDevice) {
      // Staged before the call returns, on a GPU when the work before it is done: the caller may write to its memory.
      record_call(w, "pageable-copy");
      const auto* source = static_cast<const char*>(from);
      return enqueue(w, stream, [to, staged = std::vector<char>(source, source + bytes)] {
        std::memcpy(to, staged.data(), staged.size());
      });
    }
    const cudaError_t error = enqueue(w, stream, [=] { std::memcpy(to, from, bytes); });
    if (error == cudaSuccess && pageable) drain(w, *stream);
    return error == cudaSuccess ? w.sticky : error;
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return call([&](World& w) {
    if (bytes == 0) return cudaSuccess;
    if (!copy_fits(w, to, from, bytes, kind)) return cudaErrorInvalidValue;
    std::memcpy(to, from, bytes);  // no stream's work is waited for: streams here are non-blocking
    return cudaSuccess;
  });
}

cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream) {
  return call([&](World& w) {
    if (bytes == 0) return cudaSuccess;
    if (!w.memory.contains(memory, bytes)) return cudaErrorInvalidValue;
    return enqueue(w, stream, [=] { std::memset(memory, value, bytes); });
  });
}

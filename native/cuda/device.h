#pragma once
// Devices, streams, memory and graphs, owned. Errors of the runtime become CodedErrors here, once.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "cuda/runtime.h"

namespace ganno::cuda {

/// @param what what was being done, as in "Copying to the device". @throws CodedError INTERNAL with CUDA's own words
void check(cudaError_t error, const char* what);

/// Makes `device` the calling thread's for its lifetime. Every entry from JavaScript holds one: the current device is
/// per thread, and threads come and go.
class DeviceScope {
 public:
  explicit DeviceScope(int device);
  ~DeviceScope();
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;

 private:
  int before_ = 0;
};

int multiprocessor_count(int device);

/// A queue of work on the current device that waits for no other stream.
class Stream {
 public:
  Stream();
  cudaStream_t get() const { return stream_.get(); }
  /// Waits for everything. @throws CodedError when some of it failed
  void synchronize() const;

 private:
  struct Destroy {
    void operator()(cudaStream_t stream) const;
  };
  std::unique_ptr<std::remove_pointer_t<cudaStream_t>, Destroy> stream_;
};

class Event {
 public:
  Event();
  void record(const Stream& stream);
  void synchronize() const;
  cudaEvent_t get() const { return event_.get(); }

 private:
  struct Destroy {
    void operator()(cudaEvent_t event) const;
  };
  std::unique_ptr<std::remove_pointer_t<cudaEvent_t>, Destroy> event_;
};

/// @throws CodedError OUT_OF_MEMORY saying what was asked for and what was free
void* allocate_device_memory(std::size_t bytes);
void* allocate_pinned_memory(std::size_t bytes);
void free_device_memory(void* memory) noexcept;
void free_pinned_memory(void* memory) noexcept;
void copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, const Stream& stream);

/// `count` elements on the current device; uninitialised.
template <class Element>
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(std::size_t count)
      : elements_(static_cast<Element*>(allocate_device_memory(count * sizeof(Element)))), count_(count) {}

  Element* data() const { return elements_.get(); }
  std::size_t size() const { return count_; }
  std::size_t bytes() const { return count_ * sizeof(Element); }

  /// Queues a copy of `values` to the start. Pinned memory must not change until the copy is done.
  void upload(std::span<const Element> values, const Stream& stream) const {
    copy(data(), values.data(), values.size_bytes(), cudaMemcpyHostToDevice, stream);
  }
  void download(std::span<Element> values, const Stream& stream) const {
    copy(values.data(), data(), values.size_bytes(), cudaMemcpyDeviceToHost, stream);
  }
  void clear(const Stream& stream) const {
    check(cudaMemsetAsync(data(), 0, bytes(), stream.get()), "Clearing device memory");
  }

 private:
  struct Free {
    void operator()(Element* memory) const { free_device_memory(memory); }
  };
  std::unique_ptr<Element, Free> elements_;
  std::size_t count_ = 0;
};

/// Host memory the device copies from and to without staging. Dear: keep it small and for good.
template <class Element>
class PinnedBuffer {
 public:
  PinnedBuffer() = default;
  explicit PinnedBuffer(std::size_t count)
      : elements_(static_cast<Element*>(allocate_pinned_memory(count * sizeof(Element)))), count_(count) {}
  Element* data() const { return elements_.get(); }
  std::size_t size() const { return count_; }
  std::span<Element> span() const { return {data(), count_}; }

 private:
  struct Free {
    void operator()(Element* memory) const { free_pinned_memory(memory); }
  };
  std::unique_ptr<Element, Free> elements_;
  std::size_t count_ = 0;
};

/// Work recorded once and launched as one: pointers and scalars are those of the recording, so whatever changes between
/// launches lies in device memory.
class Graph {
 public:
  Graph() = default;
  template <class Record>
  static Graph capture(const Stream& stream, Record&& record) {
    begin(stream);
    try {
      record();
    } catch (...) {
      abandon(stream);
      throw;
    }
    return end(stream);
  }
  void launch(const Stream& stream) const;
  explicit operator bool() const { return executable_ != nullptr; }

 private:
  static void begin(const Stream& stream);
  static void abandon(const Stream& stream) noexcept;
  static Graph end(const Stream& stream);
  struct Destroy {
    void operator()(cudaGraphExec_t executable) const;
  };
  std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, Destroy> executable_;
};

}  // namespace ganno::cuda

#pragma once
// The state behind emulation/runtime_api.h.
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include "cuda/emulation/device_memory.h"
#include "cuda/emulation/runtime_api.h"

namespace ganno::cuda::emulation {

using Operation = std::function<void()>;

struct EventState {
  bool complete = true;  // an event that was never recorded is complete
  std::chrono::steady_clock::time_point time;
};

struct Graph {
  std::vector<Operation> operations;
};

struct Stream {
  std::deque<Operation> waiting;
  std::unique_ptr<Graph> capture;
};

struct Event {
  std::shared_ptr<EventState> state = std::make_shared<EventState>();
  Stream* stream = nullptr;
};

/// Everything there is, behind one lock: one kernel at a time, whatever thread launches it.
struct World {
  std::recursive_mutex mutex;
  Machine machine;
  std::minstd_rand random{1};
  DeviceMemory memory;
  std::map<const char*, std::size_t> pinned;
  std::map<const void*, std::size_t> allowed_dynamic_shared;
  std::map<Stream*, std::unique_ptr<Stream>> streams;
  cudaError_t last = cudaSuccess;
  cudaError_t sticky = cudaSuccess;  // a failed kernel takes the device with it, as on a GPU
  std::string report;
  std::vector<std::string> calls;  // recorded_calls()
  int break_after = -1;            // kernels; -1: none breaks
};

World& world();

/// Runs what waits in a stream, in order.
void drain(World& w, Stream& stream);
/// Adds to a stream, or to the graph it captures. @returns an error of this or, as on a GPU, of earlier work
cudaError_t enqueue(World& w, Stream* stream, Operation operation);

/// @param signature "cudaError_t cudaMalloc(void**, ...)"
void record_call(World& w, std::string_view signature);

/// Every call of the runtime: `body` under the lock, errors remembered and injected.
template <class Body>
cudaError_t call(Body&& body, std::source_location from = std::source_location::current()) {
  World& w = world();
  const std::lock_guard lock(w.mutex);
  record_call(w, from.function_name());
  cudaError_t error = w.sticky;
  if (error == cudaSuccess && w.machine.driver_version == 0) error = cudaErrorInsufficientDriver;
  if (error == cudaSuccess && w.machine.fail_after >= 0 && w.machine.fail_after-- == 0) error = w.machine.fail_with;
  if (error == cudaSuccess) error = body(w);
  if (error != cudaSuccess && error != cudaErrorNotReady) w.last = error;
  return error;
}

}  // namespace ganno::cuda::emulation

// Streams, events, graphs and kernels of the emulated runtime.
#include "cpu/float_environment.h"
#include "cuda/emulation/block.h"
#include "cuda/emulation/faults.h"
#include "cuda/emulation/world.h"

namespace ganno::cuda::emulation {

namespace {

void stop(World& w, const std::string& report) {
  w.report = report;
  w.sticky = cudaErrorLaunchFailure;
}

}  // namespace

void drain(World& w, Stream& stream) {
  while (!stream.waiting.empty() && w.sticky == cudaSuccess) {
    const Operation operation = std::move(stream.waiting.front());
    stream.waiting.pop_front();
    operation();
  }
}

cudaError_t enqueue(World& w, Stream* stream, Operation operation) {
  if (w.streams.find(stream) == w.streams.end()) return cudaErrorInvalidResourceHandle;  // the default stream included
  if (stream->capture) {
    stream->capture->operations.push_back(std::move(operation));
    return cudaSuccess;
  }
  stream->waiting.push_back(std::move(operation));
  if (w.random() & 8) drain(w, *stream);
  return w.sticky;
}

cudaError_t enqueue_kernel(cudaStream_t stream, dim3 grid, dim3 block, std::size_t dynamic_shared_bytes,
                           bool flush_denormals, const void* kernel, std::function<void()> run) {
  return call([&](World& w) {
    const auto allowed = w.allowed_dynamic_shared.find(kernel);
    const std::size_t limit = allowed == w.allowed_dynamic_shared.end() ? SharedMemory::kStaticLimit : allowed->second;
    if (dynamic_shared_bytes > limit) return cudaErrorInvalidValue;
    return enqueue(w, stream, [&w, grid, block, dynamic_shared_bytes, flush_denormals, run = std::move(run)] {
      static thread_local Block runner;
      const FloatEnvironment environment(flush_denormals ? Denormals::kFlush : Denormals::kKeep);  // -ftz
      std::string wrong = runner.run_grid(grid, block, dynamic_shared_bytes, run, w.random());
      if (wrong.empty()) wrong = w.memory.overrun();
      if (w.break_after >= 0 && w.break_after-- == 0) wrong = "an illegal memory access was encountered";
      if (!wrong.empty()) stop(w, wrong);
    });
  });
}

void break_kernel(int after) {
  World& w = world();
  const std::lock_guard lock(w.mutex);
  w.break_after = after;
}

cudaError_t allow_dynamic_shared(const void* kernel, std::size_t bytes) {
  return call([&](World& w) {
    if (bytes > SharedMemory::kLimit) return cudaErrorInvalidValue;
    w.allowed_dynamic_shared[kernel] = bytes;
    return cudaSuccess;
  });
}

}  // namespace ganno::cuda::emulation

using namespace ganno::cuda::emulation;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  return call([&](World& w) {
    auto made = std::make_unique<Stream>();
    *stream = made.get();
    w.streams[*stream] = std::move(made);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  World& w = world();
  const std::lock_guard lock(w.mutex);
  if (w.streams.contains(stream)) drain(w, *stream);
  return w.streams.erase(stream) == 1 ? cudaSuccess : cudaErrorInvalidResourceHandle;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return call([&](World& w) {
    if (!w.streams.contains(stream)) return cudaErrorInvalidResourceHandle;
    if (stream->capture) return cudaErrorStreamCaptureUnsupported;
    drain(w, *stream);
    return w.sticky;
  });
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return call([&](World& w) {
    if (!w.streams.contains(stream)) return cudaErrorInvalidResourceHandle;
    if (stream->waiting.empty()) return cudaSuccess;
    if (w.random() & 8) drain(w, *stream);
    return cudaErrorNotReady;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  return call([&](World& w) {
    return enqueue(w, stream, [&w, state = event->state, recorded_on = event->stream] {
      if (!state->complete && w.streams.contains(recorded_on)) drain(w, *recorded_on);
    });
  });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  return call([&](World&) {
    *event = new Event;
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return call([&](World& w) {
    event->state = std::make_shared<EventState>();
    event->state->complete = false;
    event->stream = stream;
    return enqueue(w, stream, [state = event->state] {
      state->complete = true;
      state->time = std::chrono::steady_clock::now();
    });
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return call([&](World& w) {
    if (!event->state->complete && w.streams.contains(event->stream)) drain(w, *event->stream);
    return w.sticky;
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return call([&](World&) { return event->state->complete ? cudaSuccess : cudaErrorNotReady; });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  return call([&](World&) {
    if (!begin->state->complete || !end->state->complete) return cudaErrorNotReady;
    *milliseconds = std::chrono::duration<float, std::milli>(end->state->time - begin->state->time).count();
    return cudaSuccess;
  });
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  return call([&](World& w) {
    if (!w.streams.contains(stream)) return cudaErrorInvalidResourceHandle;
    stream->capture = std::make_unique<Graph>();
    return cudaSuccess;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  return call([&](World& w) {
    if (!w.streams.contains(stream) || !stream->capture) return cudaErrorInvalidResourceHandle;
    *graph = stream->capture.release();
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  return call([&](World&) {
    *executable = new Graph(*graph);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return call([&](World& w) {
    cudaError_t error = cudaSuccess;
    for (const Operation& operation : executable->operations) {
      if (error == cudaSuccess) error = enqueue(w, stream, operation);
    }
    return error;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}

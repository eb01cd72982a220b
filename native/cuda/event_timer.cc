#include "cuda/event_timer.h"

namespace ganno::cuda {

namespace {
constexpr unsigned kWithTiming = 0;
}

EventTimer::EventTimer() = default;

EventTimer::Owned EventTimer::make() {
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, kWithTiming), "Making a CUDA event");
  return Owned(event);
}

void EventTimer::start(const Stream& stream) {
  check(cudaEventRecord(start_.get(), stream.get()), "Recording a CUDA event");
}

void EventTimer::stop(const Stream& stream) {
  check(cudaEventRecord(stop_.get(), stream.get()), "Recording a CUDA event");
}

double EventTimer::seconds() const {
  check(cudaEventSynchronize(stop_.get()), "Work on the CUDA device");
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, start_.get(), stop_.get()), "Reading a CUDA event");
  return static_cast<double>(milliseconds) / 1e3;
}

}  // namespace ganno::cuda

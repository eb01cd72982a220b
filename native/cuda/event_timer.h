#pragma once
// How long the device itself takes, for benchmarks: the time between two points of a stream, as its clock has it.
#include "cuda/device.h"

namespace ganno::cuda {

class EventTimer {
 public:
  /// @throws CodedError INTERNAL
  EventTimer();
  void start(const Stream& stream);
  void stop(const Stream& stream);
  /// Waits for the stop. @returns seconds between the two
  double seconds() const;

 private:
  struct Destroy {
    void operator()(cudaEvent_t event) const { cudaEventDestroy(event); }
  };
  using Owned = std::unique_ptr<std::remove_pointer_t<cudaEvent_t>, Destroy>;
  static Owned make();
  Owned start_ = make();
  Owned stop_ = make();
};

}  // namespace ganno::cuda

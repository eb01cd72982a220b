#pragma once
// Small values that the host writes anew for every piece of work it queues. From pageable memory their copy would wait
// for the work before it; from one pinned place the host could not write the next ones before the device has read the
// last.
#include <cstddef>

#include "cuda/device.h"

namespace ganno::cuda {

template <class Element>
class PinnedRing {
 public:
  /// @param count elements that are uploaded at a time
  explicit PinnedRing(std::size_t count) {
    for (Slot& slot : slots_) slot.memory = PinnedBuffer<Element>(count);
  }

  /// Calls `fill` with the elements to write, and queues their copy to the start of `to`. Waits for none but the last
  /// copy but one.
  template <class Fill>
  void upload(const DeviceBuffer<Element>& to, const Stream& stream, Fill&& fill) {
    Slot& slot = slots_[turn_];
    turn_ ^= 1;
    slot.free.synchronize();
    fill(slot.memory.span());
    to.upload(slot.memory.span(), stream);
    slot.free.record(stream);
  }

 private:
  struct Slot {
    PinnedBuffer<Element> memory;
    Event free;  // the device no longer needs what is in it
  };

  Slot slots_[2];
  int turn_ = 0;
};

}  // namespace ganno::cuda

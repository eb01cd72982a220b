#pragma once
// Copies between many host arrays and one device arena, through two pinned buffers: while the device copies one, the
// host fills or empties the other.
#include <cstdint>
#include <span>
#include <vector>

#include "cuda/device.h"

namespace ganno::cuda {

/// Where an array lies in the arena, in floats.
struct ArenaSlice {
  float* host;
  std::uint64_t offset;
  std::uint64_t size;
};

class StagedCopy {
 public:
  /// @param arena_size floats; the buffers are no larger
  explicit StagedCopy(std::uint64_t arena_size);

  /// Copies every slice to the arena. The host arrays are free again when this returns; the copy may still be under
  /// way.
  /// @param slices ascending by offset; what lies between them in the arena becomes 0
  void upload(std::span<const ArenaSlice> slices, const DeviceBuffer<float>& arena, const Stream& stream);
  /// Copies the arena to every slice, and waits for it.
  void download(std::span<const ArenaSlice> slices, const DeviceBuffer<float>& arena, const Stream& stream);

 private:
  struct Buffer {
    PinnedBuffer<float> memory;
    Event free;  // the device no longer needs what is in it
  };

  std::uint64_t chunk_;
  Buffer buffers_[2];
};

}  // namespace ganno::cuda

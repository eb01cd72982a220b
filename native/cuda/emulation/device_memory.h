#pragma once
// The emulated device's memory: host memory between canaries.
#include <cstddef>
#include <map>
#include <string>

namespace ganno::cuda::emulation {

class DeviceMemory {
 public:
  /// Filled with NaN. @returns null beyond the limit
  char* allocate(std::size_t bytes, std::size_t limit);
  /// @returns false when it was not allocated here
  bool release(char* memory);
  /// Whether [memory, memory + bytes) lies within one allocation.
  bool contains(const void* memory, std::size_t bytes) const;
  std::size_t allocated() const { return allocated_; }
  /// Which allocation was written beyond its ends, or nothing.
  std::string overrun() const;

 private:
  std::map<const char*, std::size_t> sizes_;
  std::size_t allocated_ = 0;
};

}  // namespace ganno::cuda::emulation

#include "cuda/emulation/device_memory.h"

#include <cstdlib>
#include <cstring>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace ganno::cuda::emulation {

namespace {

constexpr std::size_t kAlignment = 256;  // what cudaMalloc promises
constexpr std::size_t kGuard = 256;
constexpr unsigned char kCanary = 0xc5;

std::size_t padded(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;  // it watches the guards, and reads of them too
#else
constexpr bool kSanitized = false;
void __asan_poison_memory_region(const void*, std::size_t) {}
void __asan_unpoison_memory_region(const void*, std::size_t) {}
#endif

bool intact(const char* guard, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    if (static_cast<unsigned char>(guard[i]) != kCanary) return false;
  }
  return true;
}

}  // namespace

//   | guard | memory ... | rest of the alignment, and a guard |
char* DeviceMemory::allocate(std::size_t bytes, std::size_t limit) {
  const std::size_t whole = kGuard + padded(bytes) + kGuard;
  if (bytes > limit || allocated_ > limit - bytes) return nullptr;
  auto* block = static_cast<char*>(std::aligned_alloc(kAlignment, whole));
  if (block == nullptr) return nullptr;
  std::memset(block, kCanary, kGuard);
  std::memset(block + kGuard, 0xff, bytes);
  std::memset(block + kGuard + bytes, kCanary, whole - kGuard - bytes);
  __asan_poison_memory_region(block, kGuard);
  __asan_poison_memory_region(block + kGuard + bytes, whole - kGuard - bytes);
  sizes_[block + kGuard] = bytes;
  allocated_ += bytes;
  return block + kGuard;
}

bool DeviceMemory::release(char* memory) {
  const auto found = sizes_.find(memory);
  if (found == sizes_.end()) return false;
  char* block = memory - kGuard;
  __asan_unpoison_memory_region(block, kGuard + padded(found->second) + kGuard);
  allocated_ -= found->second;
  sizes_.erase(found);
  std::free(block);
  return true;
}

bool DeviceMemory::contains(const void* memory, std::size_t bytes) const {
  const auto* address = static_cast<const char*>(memory);
  auto next = sizes_.upper_bound(address);
  if (next == sizes_.begin()) return false;
  --next;
  return address + bytes <= next->first + next->second;
}

std::string DeviceMemory::overrun() const {
  if (kSanitized) return {};
  for (const auto& [memory, bytes] : sizes_) {
    const bool before = !intact(memory - kGuard, kGuard);
    if (before || !intact(memory + bytes, padded(bytes) - bytes + kGuard)) {
      return "global memory was written " + std::string(before ? "before" : "beyond") + " an allocation of " +
             std::to_string(bytes) + " bytes";
    }
  }
  return {};
}

}  // namespace ganno::cuda::emulation

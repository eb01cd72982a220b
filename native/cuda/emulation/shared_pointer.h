#pragma once
// A pointer into a block's shared memory that checks what is done through it.
#include <cstddef>
#include <cstring>
#include <source_location>
#include <type_traits>

#include "cuda/emulation/block.h"

namespace ganno::cuda::emulation {

/// Where the pointer stands in the source is where its array was declared: C++ has no way to know the access.
template <class Value>
class SharedPointer {
  static_assert(std::is_trivially_copyable_v<Value> && sizeof(Value) % 4 == 0,
                "shared memory is watched word by word: use elements of 4, 8, 12 or 16 bytes");

 public:
  SharedPointer(char* address, const char* begin, const char* end, const std::source_location& where)
      : address_(address), begin_(begin), end_(end), where_(where) {}

  class Reference {
   public:
    explicit Reference(const SharedPointer& pointer) : pointer_(pointer) {}
    Reference(const Reference&) = default;
    operator Value() const { return pointer_.load(); }
    const Reference& operator=(Value value) const {
      pointer_.store(value);
      return *this;
    }
    const Reference& operator=(const Reference& other) const { return *this = static_cast<Value>(other); }
    const Reference& operator+=(Value value) const { return *this = pointer_.load() + value; }
    SharedPointer operator&() const { return pointer_; }

   private:
    SharedPointer pointer_;
  };

  Reference operator[](std::ptrdiff_t index) const { return Reference(*this + index); }
  Reference operator*() const { return Reference(*this); }
  SharedPointer operator+(std::ptrdiff_t elements) const {
    return {address_ + elements * static_cast<std::ptrdiff_t>(sizeof(Value)), begin_, end_, where_};
  }
  /// The same memory as elements of another type.
  template <class Other>
  SharedPointer<Other> as() const {
    return {address_, begin_, end_, where_};
  }

  Value load() const {
    running_block->shared_memory().access(SharedMemory::Access::kRead, address_, sizeof(Value), begin_, end_, where_);
    Value value;
    std::memcpy(&value, address_, sizeof value);
    return value;
  }
  void store(Value value) const {
    running_block->shared_memory().access(SharedMemory::Access::kWrite, address_, sizeof(Value), begin_, end_, where_);
    std::memcpy(address_, &value, sizeof value);
  }
  template <class Change>
  Value atomic(Change change) const {
    running_block->shared_memory().access(SharedMemory::Access::kAtomic, address_, sizeof(Value), begin_, end_, where_);
    Value before;
    std::memcpy(&before, address_, sizeof before);
    const Value after = change(before);
    std::memcpy(address_, &after, sizeof after);
    return before;
  }

 private:
  char* address_;
  const char* begin_;
  const char* end_;
  std::source_location where_;
};

template <class Value>
SharedPointer<Value> declare_shared(const void* site, std::size_t count,
                                    const std::source_location& where = std::source_location::current()) {
  char* begin = running_block->shared_memory().declare(site, count * sizeof(Value), where);
  return {begin, begin, begin + count * sizeof(Value), where};
}

template <class Value>
SharedPointer<Value> dynamic_shared(const std::source_location& where = std::source_location::current()) {
  SharedMemory& memory = running_block->shared_memory();
  return {memory.dynamic_begin(), memory.dynamic_begin(), memory.dynamic_begin() + memory.dynamic_bytes(), where};
}

}  // namespace ganno::cuda::emulation

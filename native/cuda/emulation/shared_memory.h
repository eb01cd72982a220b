#pragma once
// A block's shared memory, with a record of who touched each 4-byte word when: reads of what nobody wrote, accesses
// beyond an array's end, and races (two threads touch a word, at least one writes, no barrier between) are found.
#include <cstddef>
#include <cstdint>
#include <source_location>
#include <vector>

namespace ganno::cuda::emulation {

/// A thread's place in the order that barriers make.
struct Moment {
  std::uint32_t thread = 0;
  std::uint32_t epoch = 0;       // block-wide barriers so far
  std::uint32_t warp_epoch = 0;  // __syncwarp()s of its warp so far
};

class SharedMemory {
 public:
  static constexpr std::size_t kStaticLimit = 48 * 1024;
  static constexpr std::size_t kLimit = 227 * 1024;  // per block, sm_90 and sm_100

  SharedMemory();
  /// For a new block: every array is gone, every word unwritten.
  void reset(std::size_t dynamic_bytes);

  /// The array declared at `site` (a constant of the declaration, the same for all threads), made at the first call.
  char* declare(const void* site, std::size_t bytes, const std::source_location& where);
  char* dynamic_begin() { return memory_.data(); }
  std::size_t dynamic_bytes() const { return dynamic_bytes_; }

  enum class Access { kRead, kWrite, kAtomic };
  /// Records an access and checks it. [begin, end) is the array's memory.
  void access(Access kind, const char* address, std::size_t bytes, const char* begin, const char* end,
              const std::source_location& where);

 private:
  struct Seen {
    std::uint32_t block = 0;       // serial number of the block it belongs to; else: never
    bool several = false;          // reads: threads of more than one warp
    bool several_of_warp = false;  // reads: threads of one warp
    bool atomic = false;
    Moment moment;
  };
  struct Word {
    Seen written;
    Seen read;
  };
  struct Declaration {
    const void* site;
    std::size_t offset;
    std::size_t bytes;
  };

  bool unordered(const Seen& seen, const Moment& now) const;

  std::vector<char> memory_;
  std::vector<Word> words_;
  std::vector<Declaration> declarations_;
  std::size_t dynamic_bytes_ = 0;
  std::size_t used_ = 0;
  std::uint32_t block_ = 0;
};

}  // namespace ganno::cuda::emulation

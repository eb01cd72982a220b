#include "cuda/emulation/shared_memory.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "cuda/emulation/block.h"

namespace ganno::cuda::emulation {

namespace {

constexpr std::size_t kWord = 4;
constexpr std::uint32_t kWarpSize = 32;

std::string at(std::size_t offset, const std::source_location& where) {
  return "byte " + std::to_string(offset) + " of a shared array at " + location(where);
}

}  // namespace

SharedMemory::SharedMemory() : memory_(kLimit), words_(kLimit / kWord) {}

void SharedMemory::reset(std::size_t dynamic_bytes) {
  ++block_;
  declarations_.clear();
  dynamic_bytes_ = dynamic_bytes;
  used_ = (dynamic_bytes + 15) / 16 * 16;
  std::memset(memory_.data(), 0xff, std::max(used_, kStaticLimit));  // NaN, should anything get past the checks
}

char* SharedMemory::declare(const void* site, std::size_t bytes, const std::source_location& where) {
  for (const Declaration& known : declarations_) {
    if (known.site == site) return memory_.data() + known.offset;
  }
  const std::size_t offset = used_;
  used_ += (bytes + 15) / 16 * 16;
  const std::size_t dynamic = (dynamic_bytes_ + 15) / 16 * 16;
  if (used_ - dynamic > kStaticLimit || used_ > kLimit) {
    fail("more than " + std::to_string(used_ > kLimit ? kLimit : kStaticLimit) +
         " bytes of shared memory are declared at " + location(where));
  }
  std::memset(memory_.data() + offset, 0xff, used_ - offset);
  declarations_.push_back({site, offset, bytes});
  return memory_.data() + offset;
}

/// Whether no barrier lies between what was seen and now.
bool SharedMemory::unordered(const Seen& seen, const Moment& now) const {
  if (seen.block != block_ || seen.moment.epoch != now.epoch) return false;
  if (seen.several) return true;
  const bool same_warp = seen.moment.thread / kWarpSize == now.thread / kWarpSize;
  if (same_warp && seen.moment.warp_epoch != now.warp_epoch) return false;
  return seen.several_of_warp || seen.moment.thread != now.thread;
}

void SharedMemory::access(Access kind, const char* address, std::size_t bytes, const char* begin, const char* end,
                          const std::source_location& where) {
  const auto offset = static_cast<std::size_t>(address - begin);
  if (address < begin || address + bytes > end) {
    fail("out of bounds: " + at(offset, where) + ", which has " + std::to_string(end - begin) + " bytes");
  }
  if (offset % std::min<std::size_t>(bytes, 16) != 0) fail("misaligned: " + at(offset, where));
  const Moment now = running_block->now();
  const std::size_t first = static_cast<std::size_t>(address - memory_.data()) / kWord;
  for (std::size_t i = first; i < first + bytes / kWord; ++i) {
    Word& word = words_[i];
    const bool atomic = kind == Access::kAtomic;
    if (kind != Access::kWrite && word.written.block != block_)
      fail("read before it was written: " + at(offset, where));
    if (unordered(word.written, now) && !(atomic && word.written.atomic)) {
      fail("race: " + at(offset, where) + ": thread " + std::to_string(word.written.moment.thread) +
           " wrote it and no barrier lies between");
    }
    if (kind == Access::kRead) {
      const bool together = word.read.block == block_ && word.read.moment.epoch == now.epoch;
      const bool same_warp = word.read.moment.thread / kWarpSize == now.thread / kWarpSize;
      const bool same_moment = same_warp && word.read.moment.warp_epoch == now.warp_epoch;
      const bool other_thread = word.read.several_of_warp || word.read.moment.thread != now.thread;
      word.read = {block_, together && (word.read.several || !same_warp), together && same_moment && other_thread,
                   false, now};
      continue;
    }
    if (unordered(word.read, now)) {
      fail("race: " + at(offset, where) + ": another thread read it and no barrier lies between");
    }
    word.written = {block_, false, false, atomic, now};
  }
}

}  // namespace ganno::cuda::emulation

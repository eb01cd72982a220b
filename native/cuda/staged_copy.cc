#include "cuda/staged_copy.h"

#include <algorithm>
#include <cstring>

namespace ganno::cuda {

namespace {

constexpr std::uint64_t kLargestChunk = std::uint64_t{2} << 20;  // floats: 8 MiB, beyond which a copy is no faster

/// Calls `each(host, offset in the chunk, count)` for what of the slices lies in [begin, begin + size); `next` is the
/// first slice that may.
template <class Each>
void for_each_part(std::span<const ArenaSlice> slices, std::size_t& next, std::uint64_t begin, std::uint64_t size,
                   Each&& each) {
  for (std::size_t i = next; i < slices.size() && slices[i].offset < begin + size; ++i) {
    const ArenaSlice& slice = slices[i];
    const std::uint64_t from = std::max(slice.offset, begin);
    const std::uint64_t to = std::min(slice.offset + slice.size, begin + size);
    if (from < to) each(slice.host + (from - slice.offset), from - begin, to - from);
    if (slice.offset + slice.size <= begin + size) next = i + 1;
  }
}

}  // namespace

StagedCopy::StagedCopy(std::uint64_t arena_size)
    : chunk_(std::min(std::max<std::uint64_t>(arena_size, 1), kLargestChunk)) {
  for (Buffer& buffer : buffers_) buffer.memory = PinnedBuffer<float>(chunk_);
}

void StagedCopy::upload(std::span<const ArenaSlice> slices, const DeviceBuffer<float>& arena, const Stream& stream) {
  std::size_t next = 0;
  int turn = 0;
  for (std::uint64_t begin = 0; begin < arena.size(); begin += chunk_, turn ^= 1) {
    const std::uint64_t size = std::min<std::uint64_t>(chunk_, arena.size() - begin);
    Buffer& buffer = buffers_[turn];
    buffer.free.synchronize();
    float* staged = buffer.memory.data();
    std::uint64_t filled = 0;
    for_each_part(slices, next, begin, size, [&](const float* host, std::uint64_t offset, std::uint64_t count) {
      std::memset(staged + filled, 0, (offset - filled) * sizeof(float));
      std::memcpy(staged + offset, host, count * sizeof(float));
      filled = offset + count;
    });
    std::memset(staged + filled, 0, (size - filled) * sizeof(float));
    copy(arena.data() + begin, staged, size * sizeof(float), cudaMemcpyHostToDevice, stream);
    buffer.free.record(stream);
  }
}

void StagedCopy::download(std::span<const ArenaSlice> slices, const DeviceBuffer<float>& arena, const Stream& stream) {
  const std::uint64_t chunks = (arena.size() + chunk_ - 1) / chunk_;
  const auto size_of = [&](std::uint64_t chunk) {
    return std::min<std::uint64_t>(chunk_, arena.size() - chunk * chunk_);
  };
  const auto start = [&](std::uint64_t chunk) {
    Buffer& buffer = buffers_[chunk % 2];
    copy(buffer.memory.data(), arena.data() + chunk * chunk_, size_of(chunk) * sizeof(float), cudaMemcpyDeviceToHost,
         stream);
    buffer.free.record(stream);
  };
  std::size_t next = 0;
  if (chunks > 0) start(0);
  for (std::uint64_t chunk = 0; chunk < chunks; ++chunk) {
    if (chunk + 1 < chunks) start(chunk + 1);
    Buffer& buffer = buffers_[chunk % 2];
    buffer.free.synchronize();
    for_each_part(slices, next, chunk * chunk_, size_of(chunk),
                  [&](float* host, std::uint64_t offset, std::uint64_t count) {
                    std::memcpy(host, buffer.memory.data() + offset, count * sizeof(float));
                  });
  }
}

}  // namespace ganno::cuda

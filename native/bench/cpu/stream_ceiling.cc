#include "bench/cpu/stream_ceiling.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <stdexcept>

#include "core/layer_table.h"
#include "core/statistics.h"
#include "cpu/layerwise_step.h"
#include "cpu/thread_pool.h"

namespace ganno {

GANNO_IN_TIERS(void move_streams(const StreamPiece& piece);)

namespace {

using MoveStreams = void (*)(const StreamPiece&);

MoveStreams move_streams_of(Tier tier) {
  return GANNO_OF_TIER(tier, move_streams);
}

std::uint64_t padded(std::uint64_t size) {
  return (size + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

}  // namespace

void StreamCeiling::Free::operator()(float* memory) const {
  std::free(memory);
}

StreamCeiling::StreamCeiling(Tier tier, int threads, std::span<const std::uint64_t> sizes)
    : move_(move_streams_of(tier)), threads_(threads) {
  std::uint64_t elements = 0;
  for (const std::uint64_t size : sizes) {
    if (size > kMaximumElements - elements) throw std::invalid_argument("more than 2^28 elements");
    elements += size;
    floats_ += 4 * padded(size);
  }
  if (elements < kElementsWorthThreads) threads_ = 1;
  if (floats_ == 0) return;
  memory_.reset(static_cast<float*>(std::aligned_alloc(kArenaAlignment * sizeof(float), floats_ * sizeof(float))));
  if (!memory_) throw std::bad_alloc();

  // Each array in one stretch over all layers, so that the four streams lie as far apart as four callers' arrays.
  float* streams[4];
  for (std::size_t i = 0; i < 4; ++i) {
    streams[i] = memory_.get() + i * (floats_ / 4);
    std::fill_n(streams[i], floats_ / 4, static_cast<float>(i + 1));
  }
  std::uint64_t offset = 0;
  std::uint64_t elements_in_task = 0;
  for (const std::uint64_t size : sizes) {
    layers_.emplace_back(streams[0] + offset, size);
    for (std::uint64_t begin = 0; begin < size; begin += kPieceSize) {
      const std::uint64_t at = offset + begin;
      const auto piece_size = static_cast<std::size_t>(std::min<std::uint64_t>(kPieceSize, size - begin));
      pieces_.push_back({streams[0] + at, streams[3] + at, streams[1] + at, streams[2] + at, piece_size});
      elements_in_task += piece_size;
      if (elements_in_task >= kPieceSize) {
        task_ends_.push_back(pieces_.size());
        elements_in_task = 0;
      }
    }
    offset += padded(size);
  }
  if (elements_in_task > 0) task_ends_.push_back(pieces_.size());
}

void StreamCeiling::pass() {
  parallel_for(task_ends_.size(), threads_, [&](std::size_t task) {
    for (std::size_t i = task == 0 ? 0 : task_ends_[task - 1]; i < task_ends_[task]; ++i) move_(pieces_[i]);
  });
}

}  // namespace ganno

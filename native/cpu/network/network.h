#pragma once
// One child network's own state. Everything random about it follows from its seed and its step counter.
#include <cstdint>
#include <memory>
#include <vector>

#include "cpu/network/aligned_buffer.h"

namespace ganno {

/// What save() keeps and restore() brings back: with the counter, the random streams are included.
struct NetworkState {
  // Parameters, then the optimiser's moments, each one arena of the layer table; then batch norm's running statistics.
  AlignedBuffer arenas;
  std::uint32_t seed = 0;
  std::uint64_t steps = 0;  // optimiser steps done, and batches drawn
  bool diverged = false;
  std::vector<float> logits;  // of the last validation, [validation size][classes]
  bool has_logits = false;

  void copy_from(const NetworkState& other);
};

struct Network {
  NetworkState state;
  std::unique_ptr<NetworkState> saved;
};

}  // namespace ganno

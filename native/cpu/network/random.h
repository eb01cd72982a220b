#pragma once
// What is random about a child network, as pure functions of its seed: initial weights, its slice of the training
// split, the order of its batches, dropout. Nothing is stored per sample, so any device can compute the same.
#include <cstdint>
#include <span>

#include "core/philox.h"
#include "cpu/network/plan.h"

namespace ganno {

/// A random permutation of [0, size): a keyed bijection on a grid of a * b >= size cells (a generalised Feistel
/// network, Black & Rogaway 2002), applied again where it leaves the range (cycle walking; a * b - size < 2 sqrt(size),
/// so rarely).
class Permutation {
 public:
  /// @param size at least 1, below 2^31
  Permutation(std::uint32_t seed, Stream stream, std::uint64_t sub, std::uint32_t size);

  std::uint32_t operator()(std::uint32_t index) const;

 private:
  static constexpr int kRounds = 6;
  std::uint32_t size_, a_, b_;
  std::uint32_t keys_[8];
};

/// Writes a layer's initial weights: He or Xavier, uniform or normal (biases start at zero).
void initialize_weights(std::span<float> weights, Initializer initializer, std::int64_t fan_in, std::int64_t fan_out,
                        std::uint32_t seed, std::uint64_t layer);

/// The standard normal quantile of u in (0, 1), to about 1e-7 (Wichura 1988, algorithm AS 241, PPND7).
double normal_quantile(double u);

}  // namespace ganno

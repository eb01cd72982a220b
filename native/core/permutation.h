#pragma once
// Random orders as pure functions of (seed, stream, sub): nothing is stored per sample, so every device computes the
// same. In a header because kernels of a GPU compile it too.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/philox.h"

namespace ganno {

/// A random permutation of [0, size): a keyed bijection on a grid of a * b >= size cells (a generalised Feistel
/// network, Black & Rogaway 2002), applied again where it leaves the range (cycle walking; a * b - size < 2 sqrt(size),
/// so rarely).
class Permutation {
 public:
  /// @param size at least 1, below 2^31
  constexpr Permutation(std::uint32_t seed, Stream stream, std::uint64_t sub, std::uint32_t size)
      : size_(size), a_(static_cast<std::uint32_t>(std::sqrt(static_cast<double>(size)))), b_(0), keys_{} {
    if (static_cast<std::uint64_t>(a_) * a_ < size) ++a_;
    b_ = (size + a_ - 1) / a_;
    for (std::uint32_t i = 0; i < 8; i += 4) {
      const PhiloxBlock block = random_block(seed, stream, i / 4, sub);
      for (std::uint32_t j = 0; j < 4; ++j) keys_[i + j] = block[j];
    }
  }

  constexpr std::uint32_t operator()(std::uint32_t index) const {
    do {
      std::uint32_t left = index / b_, right = index % b_;  // left < a, right < b
      for (int round = 0; round < kRounds; round += 2) {
        left += scale_to(mix(right ^ keys_[round]), a_);
        left = std::min(left, left - a_);  // the difference wraps where left < a: no branch to mispredict
        right += scale_to(mix(left ^ keys_[round + 1]), b_);
        right = std::min(right, right - b_);
      }
      index = left * b_ + right;
    } while (index >= size_);
    return index;
  }

 private:
  static constexpr int kRounds = 6;

  /// murmur3's finaliser: every input bit reaches every output bit.
  static constexpr std::uint32_t mix(std::uint32_t x) {
    x ^= x >> 16;
    x *= 0x85ebca6bu;
    x ^= x >> 13;
    x *= 0xc2b2ae35u;
    x ^= x >> 16;
    return x;
  }
  static constexpr std::uint32_t scale_to(std::uint32_t x, std::uint32_t bound) {
    return static_cast<std::uint32_t>((static_cast<std::uint64_t>(x) * bound) >> 32);
  }

  std::uint32_t size_, a_, b_;
  std::uint32_t keys_[8];
};

}  // namespace ganno

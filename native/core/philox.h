#pragma once
// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): counter-based, so the n-th number
// of a stream is a pure function of (seed, stream, n). The same function stands in src/philox.ts; tests hold the two,
// and the published known answers, together.
#include <array>
#include <cstdint>

namespace ganno {

/// What a stream of random numbers is for. Numbers are part of the reproducibility contract: append, never renumber.
enum class Stream : std::uint32_t {
  kInitialWeights = 0,
  kBatchOrder = 1,
  kDropout = 2,
  kSlice = 3,
  kProbe = 4,
  kExploration = 5,
  kTask = 6,
  kSplit = 7,
  kPolicy = 8,
  kEnvironment = 9,
};

using PhiloxBlock = std::array<std::uint32_t, 4>;

/// One block of four uniform 32-bit words. `key` = {seed, stream}; `counter` = four words.
constexpr PhiloxBlock philox4x32(std::uint32_t key0, std::uint32_t key1, PhiloxBlock counter) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = 0xD2511F53ull * counter[0];
    const std::uint64_t product1 = 0xCD9E8D57ull * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key0, static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key1, static_cast<std::uint32_t>(product0)};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return counter;
}

/// Block `index` of stream `stream` of `seed`; `sub` numbers independent sequences inside a stream (a layer, an epoch).
constexpr PhiloxBlock random_block(std::uint32_t seed, Stream stream, std::uint64_t index, std::uint64_t sub = 0) {
  return philox4x32(seed, static_cast<std::uint32_t>(stream),
                    {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
                     static_cast<std::uint32_t>(sub), static_cast<std::uint32_t>(sub >> 32)});
}

/// Uniform in [0, 1) with 24 bits: exact in float32.
constexpr float uniform01(std::uint32_t word) {
  return static_cast<float>(word >> 8) * 0x1p-24f;
}

}  // namespace ganno

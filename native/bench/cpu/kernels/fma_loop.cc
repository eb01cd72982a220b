// Independent multiply-add chains, enough of them to hide the instruction's latency, in registers only.
#include "cpu/simd.h"

namespace ganno::GANNO_TIER {

// Two FMA units x 4 cycles of latency need 8 chains; more is safe as long as they and two operands fit the registers
// (32 with AVX-512, 16 else).
inline constexpr int kChains = kVectorWidth == 16 ? 24 : 12;

double fma_loop(std::uint64_t iterations);  // called through native/bench/cpu/fma_peak.cc

double fma_loop(std::uint64_t iterations) {
  Vector chains[kChains];
  for (int i = 0; i < kChains; ++i) chains[i] = set1(0.1f * static_cast<float>(i));
  // x -> 0.999 x + 0.001 tends to 1: never denormal, never infinite.
  const Vector factor = set1(0.999f);
  const Vector summand = set1(0.001f);
  for (std::uint64_t k = 0; k < iterations; ++k) {
    asm volatile("" : "+r"(k));  // keeps the loop a loop
#pragma GCC unroll 24
    for (int i = 0; i < kChains; ++i) chains[i] = fma(chains[i], factor, summand);
  }
  Vector total = zero();
  for (int i = 0; i < kChains; ++i) total = total + chains[i];
  volatile float used = sum(total);
  (void)used;
  return static_cast<double>(iterations) * kChains * kVectorWidth * 2;
}

}  // namespace ganno::GANNO_TIER

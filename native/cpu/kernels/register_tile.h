#pragma once
// The register tile behind every dense and convolution product (see Product in cpu/network/kernels.h). P rows by V
// vectors of output stay in registers while k runs; per k it loads V vectors of b and broadcasts P scalars of a.
// Tiles measured on AVX-512: 14x2 and 14x1 reach 90 % and 80 % of the peak out of L1; AVX2 has 16 registers: 6x2.
#include "cpu/network/kernels.h"
#include "cpu/simd.h"

namespace ganno::GANNO_TIER {

#if defined(GANNO_TIER_avx512)
inline constexpr int kMaximumRows = 14;
#else
inline constexpr int kMaximumRows = 6;
#endif

/// Which stride of a is 1, so that the compiler folds it into addresses.
enum class UnitStride { kRow, kDepth };

template <int P, int V, UnitStride kUnit>
[[gnu::noinline]] void register_tile(const Product& product, const float* a, const float* b, float* c,
                                     const float* bias) {
  const std::int64_t a_row = kUnit == UnitStride::kRow ? 1 : product.a_row;
  const std::int64_t a_k = kUnit == UnitStride::kDepth ? 1 : product.a_k;
  const std::int64_t b_k = product.b_k, c_row = product.c_row, depth = product.depth, segments = product.segments;
  Vector sums[P][V];
  if (product.start == Start::kAccumulate) {
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sums[p][v] = load(c + p * c_row + v * kVectorWidth);
  } else {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const Vector start = product.start == Start::kBias ? load(bias + v * kVectorWidth) : zero();
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) sums[p][v] = start;
    }
  }
  for (std::int64_t s = 0; s < segments; ++s) {
    const float* a_at = a + product.a_segments[s];
    const float* b_at = b + product.b_segments[s];
    for (std::int64_t k = 0; k < depth; ++k) {
      Vector columns[V];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) columns[v] = load(b_at + v * kVectorWidth);
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) {
        const Vector value = set1(a_at[p * a_row]);
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) sums[p][v] = fma(value, columns[v], sums[p][v]);
      }
      a_at += a_k;
      b_at += b_k;
    }
  }
  if (product.relu) {
    // max(0, x) returns x where it is NaN: a diverging network must show.
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p)
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sums[p][v] = max(zero(), sums[p][v]);
  }
#pragma GCC unroll 16
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) store(c + p * c_row + v * kVectorWidth, sums[p][v]);
}

}  // namespace ganno::GANNO_TIER

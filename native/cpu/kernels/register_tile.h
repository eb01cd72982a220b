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

/// `tiles` tiles of P rows, one under another.
template <int P, int V, UnitStride kUnit>
[[gnu::noinline]] void register_tiles(const Product& product, const float* a, const float* b, float* c,
                                      const float* bias, std::int64_t tiles) {
  const std::int64_t a_row = kUnit == UnitStride::kRow ? 1 : product.a_row;
  const std::int64_t a_k = kUnit == UnitStride::kDepth ? 1 : product.a_k;
  const std::int64_t b_k = product.b_k, depth = product.depth, segments = product.segments;
  const std::int64_t* const a_segments = product.a_segments;
  const std::int64_t* const b_segments = product.b_segments;
  const Start start = product.start;
  for (; tiles > 0; --tiles, a += P * a_row, c += P * product.c_row) {
    Vector sums[P][V];
    if (start == Start::kAccumulate) {
      const std::int64_t c_row = product.c_row;
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p)
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) sums[p][v] = load(c + p * c_row + v * kVectorWidth);
    } else {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        const Vector first = start == Start::kBias ? load(bias + v * kVectorWidth) : zero();
#pragma GCC unroll 16
        for (int p = 0; p < P; ++p) sums[p][v] = first;
      }
    }
    for (std::int64_t s = 0; s < segments; ++s) {
      const float* a_at = a + a_segments[s];
      const float* b_at = b + b_segments[s];
#pragma GCC unroll 2  // 1-3 % over the plain loop
      for (std::int64_t k = depth; k > 0; --k) {
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
    // Read again, behind a barrier: otherwise the row addresses of c are computed before the loop and spilled over it.
    std::int64_t c_row = product.c_row;
    asm volatile("" : "+r"(c_row));
    if (product.relu_output != nullptr) {
      const float* output = product.relu_output + (c - product.c);
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p)
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) {
          sums[p][v] = zero_unless(greater(load(output + p * c_row + v * kVectorWidth), zero()), sums[p][v]);
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
}

}  // namespace ganno::GANNO_TIER

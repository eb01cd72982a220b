#pragma once
// The register tile behind every dense and convolution product (see Product in cpu/network/kernels.h). P rows by V
// vectors of output stay in registers while k runs; per k it loads V vectors of b and broadcasts P scalars of a.
// AVX-512 has 32 registers: 14x2, 6x4 where the rows fill it, 14x1 for what is left. The others have 16: 6x2.
#include "cpu/network/kernels.h"
#include "cpu/simd.h"

namespace ganno::GANNO_TIER {

/// Rows of a tile of V vectors: what leaves registers for b and for one broadcast.
template <int V>
inline constexpr int kMaximumRows = kVectorWidth == 16 ? (V == 4 ? 6 : 14) : 6;

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
      // Rows of a, four to a pointer: with the strides 1, 2 (both one scaled register) and 3 that is few enough
      // registers that nothing is reloaded in the loop. The barriers keep the compiler from working it out otherwise.
      constexpr int kPointers = kUnit == UnitStride::kRow ? 1 : (P + 3) / 4;
      const float* a_at[kPointers];
      std::int64_t row3 = 3 * a_row;
      if constexpr (kUnit == UnitStride::kDepth) asm("" : "+r"(row3));
#pragma GCC unroll 4
      for (int q = 0; q < kPointers; ++q) {
        a_at[q] = a + a_segments[s] + 4 * q * a_row;
        if constexpr (kUnit == UnitStride::kDepth) asm("" : "+r"(a_at[q]));
      }
      const float* b_at = b + b_segments[s];
#pragma GCC unroll 2  // 1-3 % over the plain loop
      for (std::int64_t k = depth; k > 0; --k) {
        Vector columns[V];
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) columns[v] = load(b_at + v * kVectorWidth);
#pragma GCC unroll 16
        for (int p = 0; p < P; ++p) {
          const Vector value =
              set1(kUnit == UnitStride::kRow ? a_at[0][p] : a_at[p / 4][p % 4 == 3 ? row3 : (p % 4) * a_row]);
#pragma GCC unroll 4
          for (int v = 0; v < V; ++v) sums[p][v] = fma(value, columns[v], sums[p][v]);
        }
#pragma GCC unroll 4
        for (int q = 0; q < kPointers; ++q) a_at[q] += a_k;
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

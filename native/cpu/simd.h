#pragma once
// The vector type kernels are written in. Kernels include this file only; intrinsics stand in simd/<tier>.h and nowhere
// else. Everything is in the tier's own namespace, so that no inline function compiled for a wide tier can be the copy
// the linker keeps for a narrow one. For the same reason kernels must not instantiate inline functions of the standard
// library that do not inline away.
//
// Each tier defines, with the same meaning (w = kVectorWidth):
//   Vector        w float32 lanes                     Mask     w booleans      IntVector   w int32 lanes
//   zero() set1(x) load(p) store(p, v)                p needs no alignment
//   load_partial(p, n) store_partial(p, v, n)         the first n of w lanes, 0 <= n <= w; other lanes read as 0;
//   memory
//                                                     beyond is not touched
//   load_uint8(p) load_uint8_partial(p, n)            bytes widened to float
//   store_uint8(p, v)                                 integral lanes in [0, 255] narrowed to bytes
//   + - * / (operators)  sqrt abs negate              correctly rounded, the same bits in every tier
//   min(a, b) max(a, b)                               b where either lane is NaN, as minps/maxps
//   fma(a, b, c) = a*b + c                            one rounding on AVX2 and AVX-512, two on baseline
//   negative_fma(a, b, c) = c - a*b                   likewise
//   less less_equal greater greater_equal equal       false where either is NaN
//   is_finite(v) all_finite(v)                        neither NaN nor infinite
//   sign_of(v)                                        +-1 with the sign bit of v
//   select(m, a, b)                                   m ? a : b, per lane
//   & | ! on Mask, and_not(a, b) = a & !b, first_lanes(n), all_lanes(), any all none popcount bits
//   zero_unless(m, v)                                 m ? v : 0
//   round_to_int(v) to_float(i) as_int(v) as_float(i) round to nearest even (|v| < 2^31); the last two copy bits
//   set1_int + - & | ^ on IntVector, shift_left<n> shift_right<n> (logical) shift_right_arithmetic<n>
//   Doubles       w / 2 float64 lanes; operators, comparisons and ?: are the compiler's
//   load(p) sqrt(v) store_narrowed(p, v)              the last one rounds to float
//   sum(v) maximum(v)                                 over the lanes; sum is a fixed binary tree of the tier's width
//   fold16(lanes)                                     float64 sum of 16 lanes held in 16/w vectors: lane i + lane i+8,
//                                                     then i+4, i+2, i+1: the same bits in every tier
//   fold16x8(rows, out)                               eight of them at once, the same bits; transposed as they shrink
//   maximum16(lanes)                                  their maximum
//   max_abs(largest, v)                               max(largest, abs(v)) where no lane is NaN
//   least_magnitude16(lanes)                          in every lane the finite one of 16 lanes nearest to 0, the
//                                                     positive one of two; 0 when none is finite. Bits rotated left by
//                                                     one order like that as unsigned integers, NaN and infinity last
//   first_lane(v)
//   prefetch(p, distance)                             p + distance, which may lie beyond what p points into
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if !defined(GANNO_TIER)
#error "include cpu/simd.h only from kernels: CMakeLists.txt compiles those once per tier"
#endif

#define GANNO_INLINE [[gnu::always_inline]] inline

#if defined(GANNO_TIER_avx512)
#include "cpu/simd/avx512.h"
#elif defined(GANNO_TIER_avx2)
#include "cpu/simd/avx2.h"
#else
#include "cpu/simd/baseline.h"
#endif

namespace ganno::GANNO_TIER {

/// Vectors that hold the 16 virtual lanes of a reduction, whatever the width.
inline constexpr int kVectorsPer16 = 16 / kVectorWidth;

GANNO_INLINE bool none(Mask mask) {
  return !any(mask);
}

GANNO_INLINE float maximum16(const Vector (&lanes)[kVectorsPer16]) {
  Vector result = lanes[0];
  for (int i = 1; i < kVectorsPer16; ++i) result = max(lanes[i], result);
  return maximum(result);
}

/// 2^n for integral n in [-126, 127].
GANNO_INLINE Vector power_of_two(IntVector n) {
  return as_float(shift_left<23>(n + set1_int(127)));
}

GANNO_INLINE void prefetch(const float* p, std::size_t distance) {
  // Past the end of an array is fine for the instruction, but not for pointer arithmetic.
  __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(p) + distance * sizeof(float)));
}

}  // namespace ganno::GANNO_TIER

#pragma once
// The tensor cores' TF32 product of a warp, and the rounding of its operands. TF32 has float32's exponent and 10 bits
// of mantissa; products are exact in float32, sums are float32, in an order that NVIDIA does not document (the same on
// every card of a kind). Needs compute capability 8.0.
//
// m16n8k8: c[16 x 8] += a[16 x 8] b[8 x 8]. What lane 4 g + t of the 32 holds (PTX ISA, "Matrix fragments for
// mma.m16n8k8"):
//
//   a[0..3]   rows g, g + 8, g, g + 8   at k = t, t, t + 4, t + 4
//   b[0..1]   column g                  at k = t, t + 4
//   c[0..3]   rows g, g, g + 8, g + 8   at columns 2t, 2t + 1, 2t, 2t + 1
#include "cuda/runtime.h"

namespace ganno::cuda {

#if defined(GANNO_CUDA_EMULATED)

using emulation::multiply_tf32;
using emulation::round_to_tf32;

#elif defined(__CUDACC__)

/// To the nearest of TF32, ties away from zero.
__device__ __forceinline__ float round_to_tf32(float x) {
  unsigned rounded;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(x));
  return __uint_as_float(rounded);
}

/// All 32 lanes of the warp take part. @param a, b rounded to TF32
__device__ __forceinline__ void multiply_tf32(float (&c)[4], const float (&a)[4], const float (&b)[2]) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(__float_as_uint(a[0])), "r"(__float_as_uint(a[1])), "r"(__float_as_uint(a[2])), "r"(__float_as_uint(a[3])),
        "r"(__float_as_uint(b[0])), "r"(__float_as_uint(b[1])));
}

#endif

}  // namespace ganno::cuda

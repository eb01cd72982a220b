#pragma once
// Tensor cores (cuda/tensor_core.h): operands in TF32, sums in float32. The order of the sums is this file's own: on a
// GPU it is another one.
#include <bit>
#include <cmath>
#include <cstdint>
#include <source_location>

namespace ganno::cuda::emulation {

/// The last 13 bits of a float32's mantissa.
inline constexpr std::uint32_t kNotInTf32 = 0x1fff;

inline float round_to_tf32(float x) {
  if (std::isnan(x)) return std::bit_cast<float>(0x7fffffffu);
  // Ties away from zero; a carry out of the mantissa goes into the exponent, and from the largest into infinity.
  return std::bit_cast<float>((std::bit_cast<std::uint32_t>(x) + (kNotInTf32 + 1) / 2) & ~kNotInTf32);
}

/// What a lane brings to a product, and takes from it: the fragments of m16n8k8.
struct TensorLane {
  float* c;        // [4]
  const float* a;  // [4]
  const float* b;  // [2]
};

/// Ends the launch where an operand was not rounded: a GPU would cut it off.
void multiply_tf32(float (&c)[4], const float (&a)[4], const float (&b)[2],
                   std::source_location site = std::source_location::current());

/// Of a whole warp. @param lanes [32]
void complete_tensor_product(TensorLane* const (&lanes)[32]);

}  // namespace ganno::cuda::emulation

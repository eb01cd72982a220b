#pragma once
// Tensor cores (cuda/tensor_core.h): operands in TF32, sums in float32. The order of the sums is this file's own: on a
// GPU it is another one.
#include <source_location>

namespace ganno::cuda::emulation {

float round_to_tf32(float x);

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

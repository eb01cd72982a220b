#include "cuda/emulation/tensor_core.h"

#include <bit>
#include <cmath>
#include <cstdint>

#include "cuda/emulation/block.h"

namespace ganno::cuda::emulation {

namespace {

bool is_tf32(float x) {
  return (std::bit_cast<std::uint32_t>(x) & kNotInTf32) == 0 || std::isnan(x);
}

}  // namespace

void multiply_tf32(float (&c)[4], const float (&a)[4], const float (&b)[2], std::source_location site) {
  for (const float x : {a[0], a[1], a[2], a[3], b[0], b[1]}) {
    if (!is_tf32(x)) fail("an operand of the product at " + location(site) + " was not rounded to TF32");
  }
  TensorLane lane{c, a, b};
  running_block->warp(WarpOperation::kTensorProduct, 0xffffffffu, reinterpret_cast<std::uint64_t>(&lane), 0, 32, site);
}

void complete_tensor_product(TensorLane* const (&lanes)[32]) {
  float a[16][8], b[8][8];
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) a[g + 8 * (i & 1)][t + 4 * (i >> 1)] = lanes[lane]->a[i];
    for (int i = 0; i < 2; ++i) b[t + 4 * i][g] = lanes[lane]->b[i];
  }
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < 4; ++i) {
      float& sum = lanes[lane]->c[i];
      for (int k = 0; k < 8; ++k) sum += a[g + 8 * (i >> 1)][k] * b[k][2 * t + (i & 1)];  // products are exact
    }
  }
}

}  // namespace ganno::cuda::emulation

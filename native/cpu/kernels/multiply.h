#pragma once
#include "cpu/network/kernels.h"

namespace ganno::GANNO_TIER {

void multiply(const Product& product);
void weight_gradient_one_channel(std::int64_t kernel, const float* a, std::int64_t a_row, std::int64_t a_tap,
                                 std::int64_t a_pixel, const float* b, std::int64_t b_row, std::int64_t b_pixel,
                                 std::int64_t height, std::int64_t width, float* c, std::int64_t c_row,
                                 std::int64_t columns);

}  // namespace ganno::GANNO_TIER

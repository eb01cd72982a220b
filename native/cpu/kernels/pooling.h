#pragma once
#include "cpu/network/kernels.h"

namespace ganno::GANNO_TIER {

void pool_rows2x2(const float* upper, const float* lower, std::int64_t pixels, std::int64_t channels, bool relu,
                  float* output, std::uint8_t* argmax);
void unpool2x2(const float* gradient, const std::uint8_t* argmax, std::int64_t height, std::int64_t width,
               std::int64_t channels, float* output, std::int64_t output_row, float* bias_gradient);
void max_pool(const Pool& pool, const float* input, float* output, std::uint8_t* argmax);
void max_pool_gradient(const Pool& pool, const float* gradient, const std::uint8_t* argmax, float* input_gradient);
void average_pool(const Pool& pool, const float* input, float* output);
void average_pool_gradient(const Pool& pool, const float* gradient, float* input_gradient);

}  // namespace ganno::GANNO_TIER

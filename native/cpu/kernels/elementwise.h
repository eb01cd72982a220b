#pragma once
#include "cpu/network/kernels.h"

namespace ganno::GANNO_TIER {

void apply_tanh(float* data, std::int64_t rows, std::int64_t row, std::int64_t values);
void activation_gradient(Activation activation, const float* output, std::int64_t output_row, const float* gradient,
                         std::int64_t gradient_row, float* target, std::int64_t target_row, std::int64_t rows,
                         std::int64_t values);
void column_sums(const float* data, std::int64_t rows, std::int64_t row, std::int64_t columns, float* bias_gradient);
void dropout_factors(std::uint32_t seed, std::uint32_t stream, std::uint64_t sub, std::uint64_t first_block,
                     std::uint32_t threshold, float scale, std::int64_t pixels, std::int64_t channels,
                     std::int64_t padded, float* factors);
void multiply_elements(const float* a, std::int64_t a_row, const float* b, std::int64_t b_row, float* output,
                       std::int64_t output_row, std::int64_t rows, std::int64_t values);
void softmax_cross_entropy(const float* logits, std::int64_t rows, std::int64_t row, std::int64_t classes,
                           const std::uint8_t* labels, float scale, float* losses, std::uint8_t* correct,
                           float* gradient);

}  // namespace ganno::GANNO_TIER

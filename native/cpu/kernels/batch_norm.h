#pragma once
#include "cpu/network/kernels.h"

namespace ganno::GANNO_TIER {

void channel_moments(const NormalizedImage& image, float* means, float* squares);
void normalize(const NormalizedImage& image, const float* addend, std::int64_t addend_row, float* output,
               std::int64_t output_row);
void normalize_sums(const NormalizedImage& image, const float* output, std::int64_t output_row, float* gradient,
                    std::int64_t gradient_row, float* sums, float* products);
void normalize_gradient(const NormalizedImage& image, const float* gradient, std::int64_t gradient_row,
                        const float* mean_gradient, const float* slope, float* target, std::int64_t target_row);
void add_images(Activation activation, const float* a, std::int64_t a_row, const float* b, std::int64_t b_row,
                float* output, std::int64_t output_row, std::int64_t rows, std::int64_t values);

}  // namespace ganno::GANNO_TIER

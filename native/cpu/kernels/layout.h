#pragma once
#include "cpu/network/kernels.h"

namespace ganno::GANNO_TIER {

void pad_columns(const float* source, std::int64_t rows, std::int64_t columns, float* target, std::int64_t padded);
void unpad_columns(const float* source, std::int64_t rows, std::int64_t columns, std::int64_t padded, float* target);
void transpose(const float* source, std::int64_t rows, std::int64_t columns, float* target, std::int64_t padded);
void expand(const Expand& expand, const std::uint8_t* image, float* output);

}  // namespace ganno::GANNO_TIER

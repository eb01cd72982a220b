// Changes of layout: padding columns, transposing weights for input gradients, expanding bytes to floats.
#include "cpu/kernels/layout.h"

#include "cpu/simd.h"

namespace ganno::GANNO_TIER {

void pad_columns(const float* source, std::int64_t rows, std::int64_t columns, float* target, std::int64_t padded) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* from = source + r * columns;
    float* to = target + r * padded;
    for (std::int64_t c = 0; c < padded; c += kVectorWidth) {
      const std::int64_t left = columns - c;
      if (left >= kVectorWidth) {
        store(to + c, load(from + c));
      } else {
        store(to + c, left <= 0 ? zero() : load_partial(from + c, static_cast<std::size_t>(left)));
      }
    }
  }
}

void unpad_columns(const float* source, std::int64_t rows, std::int64_t columns, std::int64_t padded, float* target) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* from = source + r * padded;
    float* to = target + r * columns;
    for (std::int64_t c = 0; c < columns; c += kVectorWidth) {
      const std::int64_t left = columns - c;
      if (left >= kVectorWidth) {
        store(to + c, load(from + c));
      } else {
        store_partial(to + c, load(from + c), static_cast<std::size_t>(left));
      }
    }
  }
}

namespace {

using Four = float __attribute__((vector_size(16), aligned(4)));
using FourIndices = std::int32_t __attribute__((vector_size(16)));

GANNO_INLINE Four interleave_low(Four a, Four b) {
  return __builtin_shuffle(a, b, FourIndices{0, 4, 1, 5});
}
GANNO_INLINE Four interleave_high(Four a, Four b) {
  return __builtin_shuffle(a, b, FourIndices{2, 6, 3, 7});
}

GANNO_INLINE void transpose4x4(const float* source, std::int64_t source_row, float* target, std::int64_t target_row) {
  Four rows[4];
  for (int i = 0; i < 4; ++i) rows[i] = *reinterpret_cast<const Four*>(source + i * source_row);
  const Four a = interleave_low(rows[0], rows[2]), b = interleave_low(rows[1], rows[3]);
  const Four c = interleave_high(rows[0], rows[2]), d = interleave_high(rows[1], rows[3]);
  *reinterpret_cast<Four*>(target) = interleave_low(a, b);
  *reinterpret_cast<Four*>(target + target_row) = interleave_high(a, b);
  *reinterpret_cast<Four*>(target + 2 * target_row) = interleave_low(c, d);
  *reinterpret_cast<Four*>(target + 3 * target_row) = interleave_high(c, d);
}

}  // namespace

void transpose(const float* source, std::int64_t rows, std::int64_t columns, float* target, std::int64_t padded) {
  std::int64_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    std::int64_t c = 0;
    for (; c + 4 <= columns; c += 4) transpose4x4(source + r * columns + c, columns, target + c * padded + r, padded);
    for (; c < columns; ++c)
      for (int i = 0; i < 4; ++i) target[c * padded + r + i] = source[(r + i) * columns + c];
  }
  for (; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c) target[c * padded + r] = source[r * columns + c];
  for (; r < padded; ++r)
    for (std::int64_t c = 0; c < columns; ++c) target[c * padded + r] = 0.0f;
}

void expand(const Expand& expand, const std::uint8_t* image, float* output) {
  const std::int64_t values = expand.row_values;
  for (std::int64_t y = 0; y < expand.rows; ++y) {
    const std::uint8_t* from = image + y * values;
    float* to = output + y * expand.row;
    if (expand.pixel == expand.channels) {
      std::int64_t i = 0;
      for (; i + kVectorWidth <= values; i += kVectorWidth) {
        store(to + i, fma(load_uint8(from + i), load(expand.scale + i), load(expand.shift + i)));
      }
      if (i < values) {
        const auto left = static_cast<std::size_t>(values - i);
        store_partial(to + i,
                      fma(load_uint8_partial(from + i, left), load_partial(expand.scale + i, left),
                          load_partial(expand.shift + i, left)),
                      left);
      }
    } else {
      for (std::int64_t x = 0; x < values / expand.channels; ++x) {
        for (std::int64_t c = 0; c < expand.channels; ++c) {
          const std::int64_t i = x * expand.channels + c;
          float lanes[kVectorWidth];
          store(lanes, fma(set1(static_cast<float>(from[i])), set1(expand.scale[i]), set1(expand.shift[i])));
          to[x * expand.pixel + c] = lanes[0];
        }
      }
    }
  }
}

}  // namespace ganno::GANNO_TIER

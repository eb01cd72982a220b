// Batch norm of one sample, NHWC, a vector of channels at a time, and the sum that ends a residual block.
//
// Sums within a sample are float32: one chain for each row of pixels, left to right, and the rows added from the top.
// That is as exact as needed, lets four rows be summed side by side, and a GPU give every row a thread.
//
// Bytes of a value in training: 4 + 4 for the moments (the second time from cache), 4 + 4 to normalise it, 4 + 4 more
// with an addend; backward 12 + 4 for the sums, 8 + 4 for its gradient.
#include "cpu/kernels/batch_norm.h"

#include "cpu/kernels/transcendental.h"
#include "cpu/simd.h"

namespace ganno::GANNO_TIER {

namespace {

inline constexpr int kRows = 4;  // chains in flight

/// Adds up S sums over an image: term(row, pixel, sums) adds a pixel to those of its row.
template <int S, typename Term>
GANNO_INLINE void fold_rows(const NormalizedImage& image, Vector (&totals)[S], Term term) {
  for (int s = 0; s < S; ++s) totals[s] = zero();
  std::int64_t row = 0;
  for (; row + kRows <= image.rows; row += kRows) {
    Vector sums[kRows][S];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
      for (int s = 0; s < S; ++s) sums[r][s] = zero();
    for (std::int64_t pixel = 0; pixel < image.pixels; ++pixel) {
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) term(row + r, pixel, sums[r]);
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 2
      for (int s = 0; s < S; ++s) totals[s] = totals[s] + sums[r][s];
  }
  for (; row < image.rows; ++row) {
    Vector sums[S];
    for (int s = 0; s < S; ++s) sums[s] = zero();
    for (std::int64_t pixel = 0; pixel < image.pixels; ++pixel) term(row, pixel, sums);
    for (int s = 0; s < S; ++s) totals[s] = totals[s] + sums[s];
  }
}

template <Activation kActivation>
GANNO_INLINE Vector activate(Vector x) {
  if constexpr (kActivation == Activation::kRelu) return max(zero(), x);  // keeps NaN
  if constexpr (kActivation == Activation::kTanh) return hyperbolic_tangent(x);
  return x;
}

/// The gradient before an activation whose output is h.
template <Activation kActivation>
GANNO_INLINE Vector before_activation(Vector h, Vector g) {
  if constexpr (kActivation == Activation::kRelu) return zero_unless(greater(h, zero()), g);
  if constexpr (kActivation == Activation::kTanh) return g * negative_fma(h, h, set1(1.0f));
  return g;
}

/// Calls body.template operator()<activation>().
template <typename Body>
GANNO_INLINE void with_activation(Activation activation, Body body) {
  switch (activation) {
    case Activation::kLinear:
      body.template operator()<Activation::kLinear>();
      break;
    case Activation::kRelu:
      body.template operator()<Activation::kRelu>();
      break;
    case Activation::kTanh:
      body.template operator()<Activation::kTanh>();
      break;
  }
}

template <Activation kActivation, bool kAddend>
GANNO_INLINE void normalize_as(const NormalizedImage& image, const float* addend, std::int64_t addend_row,
                               float* output, std::int64_t output_row) {
  for (std::int64_t c = 0; c < image.channels; c += kVectorWidth) {
    const Vector mean = load(image.mean + c), factor = load(image.factor + c), shift = load(image.shift + c);
    for (std::int64_t row = 0; row < image.rows; ++row) {
      const float* from = image.input + row * image.row + c;
      const float* other = kAddend ? addend + row * addend_row + c : nullptr;
      float* to = output + row * output_row + c;
      for (std::int64_t at = 0; at < image.pixels * image.channels; at += image.channels) {
        Vector value = fma(load(from + at) - mean, factor, shift);
        if constexpr (kAddend) value = value + load(other + at);
        store(to + at, activate<kActivation>(value));
      }
    }
  }
}

}  // namespace

void channel_moments(const NormalizedImage& image, float* means, float* squares) {
  const Vector share = set1(1.0f / static_cast<float>(image.rows * image.pixels));
  for (std::int64_t c = 0; c < image.channels; c += kVectorWidth) {
    const float* from = image.input + c;
    const auto value = [&](std::int64_t row, std::int64_t pixel) __attribute__((always_inline)) {
      return load(from + row * image.row + pixel * image.channels);
    };
    Vector total[1];
    fold_rows(
        image, total, [&](std::int64_t row, std::int64_t pixel, Vector(&sums)[1]) __attribute__((always_inline)) {
          sums[0] = sums[0] + value(row, pixel);
        });
    const Vector mean = total[0] * share;
    fold_rows(
        image, total, [&](std::int64_t row, std::int64_t pixel, Vector(&sums)[1]) __attribute__((always_inline)) {
          const Vector deviation = value(row, pixel) - mean;
          sums[0] = fma(deviation, deviation, sums[0]);
        });
    store(means + c, mean);
    store(squares + c, total[0]);
  }
}

void normalize(const NormalizedImage& image, const float* addend, std::int64_t addend_row, float* output,
               std::int64_t output_row) {
  with_activation(
      image.activation, [&]<Activation kActivation>() __attribute__((always_inline)) {
        if (addend == nullptr) {
          normalize_as<kActivation, false>(image, addend, addend_row, output, output_row);
        } else {
          normalize_as<kActivation, true>(image, addend, addend_row, output, output_row);
        }
      });
}

void normalize_sums(const NormalizedImage& image, const float* output, std::int64_t output_row, float* gradient,
                    std::int64_t gradient_row, float* sums, float* products) {
  with_activation(
      image.activation, [&]<Activation kActivation>() __attribute__((always_inline)) {
        for (std::int64_t c = 0; c < image.channels; c += kVectorWidth) {
          const Vector mean = load(image.mean + c);
          Vector totals[2];
          fold_rows(
              image,
              totals, [&](std::int64_t row, std::int64_t pixel, Vector(&row_sums)[2]) __attribute__((always_inline)) {
                const std::int64_t at = pixel * image.channels + c;
                float* to = gradient + row * gradient_row + at;
                Vector g = load(to);
                if constexpr (kActivation != Activation::kLinear) {
                  g = before_activation<kActivation>(load(output + row * output_row + at), g);
                  store(to, g);
                }
                row_sums[0] = row_sums[0] + g;
                row_sums[1] = fma(load(image.input + row * image.row + at) - mean, g, row_sums[1]);
              });
          store(sums + c, totals[0]);
          store(products + c, totals[1]);
        }
      });
}

void normalize_gradient(const NormalizedImage& image, const float* gradient, std::int64_t gradient_row,
                        const float* mean_gradient, const float* slope, float* target, std::int64_t target_row) {
  for (std::int64_t c = 0; c < image.channels; c += kVectorWidth) {
    const Vector mean = load(image.mean + c), factor = load(image.factor + c);
    const Vector centre = load(mean_gradient + c), tilt = load(slope + c);
    for (std::int64_t row = 0; row < image.rows; ++row) {
      const float* from = image.input + row * image.row + c;
      const float* g = gradient + row * gradient_row + c;
      float* to = target + row * target_row + c;
      for (std::int64_t at = 0; at < image.pixels * image.channels; at += image.channels) {
        store(to + at, factor * negative_fma(load(from + at) - mean, tilt, load(g + at) - centre));
      }
    }
  }
}

void add_images(Activation activation, const float* a, std::int64_t a_row, const float* b, std::int64_t b_row,
                float* output, std::int64_t output_row, std::int64_t rows, std::int64_t values) {
  with_activation(
      activation, [&]<Activation kActivation>() __attribute__((always_inline)) {
        for (std::int64_t row = 0; row < rows; ++row) {
          for (std::int64_t i = 0; i < values; i += kVectorWidth) {
            store(output + row * output_row + i,
                  activate<kActivation>(load(a + row * a_row + i) + load(b + row * b_row + i)));
          }
        }
      });
}

}  // namespace ganno::GANNO_TIER

#pragma once
// Batch norm's sums over the samples of a batch, in float64 and in the samples' order, from what was summed within each
// sample in float32; and what follows from them. In a header because kernels of a GPU compile it too.
#include <cmath>
#include <cstdint>

namespace ganno {

/// One channel's mean and variance over a batch, as the passes need them.
struct ChannelMoments {
  float mean = 0;
  float inverse_deviation = 0;  // 1 / sqrt(biased variance + epsilon)
  float variance = 0;           // unbiased: what a running variance takes up
};

/// How much a channel's sums are over. What they are divided by is inverted once, on the host: a division of doubles is
/// a function call on a GPU.
struct BatchExtent {
  std::int64_t samples = 0, pixels = 0;
  double per_sample = 0, per_value = 0;
  double per_freedom = 0;  // of an unbiased variance; that of a single value is 0

  constexpr BatchExtent() = default;
  constexpr BatchExtent(std::int64_t sample_count, std::int64_t pixel_count)
      : samples(sample_count),
        pixels(pixel_count),
        per_sample(1 / static_cast<double>(sample_count)),
        per_value(1 / static_cast<double>(sample_count * pixel_count)),
        per_freedom(sample_count * pixel_count > 1 ? 1 / static_cast<double>(sample_count * pixel_count - 1) : 1) {}
};

/// @param means, squares of each sample's pixels: their mean, and the sum of their squared deviations from it; `stride`
/// floats from one sample to the next
constexpr ChannelMoments fold_moments(const float* means, const float* squares, std::int64_t stride,
                                      const BatchExtent& extent, double epsilon) {
  double sum = 0;
  for (std::int64_t s = 0; s < extent.samples; ++s) sum += static_cast<double>(means[s * stride]);
  const double mean = sum * extent.per_sample;
  double deviations = 0;
  for (std::int64_t s = 0; s < extent.samples; ++s) {
    const double shift = static_cast<double>(means[s * stride]) - mean;
    deviations += static_cast<double>(squares[s * stride]) + static_cast<double>(extent.pixels) * (shift * shift);
  }
  return {static_cast<float>(mean), static_cast<float>(1 / std::sqrt(deviations * extent.per_value + epsilon)),
          static_cast<float>(deviations * extent.per_freedom)};
}

/// What the input's gradient needs: factor * ((g - mean_gradient) - (x - mean) * slope).
struct ChannelGradient {
  float shift = 0, scale = 0;  // gradients of the parameters
  float mean_gradient = 0;
  float slope = 0;
};

/// @param sums, products per sample: of the gradient g, and of g * (x - mean)
constexpr ChannelGradient fold_gradient(const float* sums, const float* products, std::int64_t stride,
                                        const BatchExtent& extent, float inverse_deviation) {
  double sum = 0, product = 0;
  for (std::int64_t s = 0; s < extent.samples; ++s) {
    sum += static_cast<double>(sums[s * stride]);
    product += static_cast<double>(products[s * stride]);
  }
  const double inverse = static_cast<double>(inverse_deviation);
  return {static_cast<float>(sum), static_cast<float>(product * inverse), static_cast<float>(sum * extent.per_value),
          static_cast<float>(product * inverse * inverse * extent.per_value)};
}

constexpr float running_inverse_deviation(float variance, double epsilon) {
  return static_cast<float>(1 / std::sqrt(static_cast<double>(variance) + epsilon));
}

/// @param momentum the newest batch's share
constexpr float updated_running(float running, float batch, double momentum) {
  return static_cast<float>((1 - momentum) * static_cast<double>(running) + momentum * static_cast<double>(batch));
}

}  // namespace ganno

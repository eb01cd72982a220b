// Activations and their gradients, bias gradients, dropout: row by row, vectors of channels.
#include "cpu/kernels/elementwise.h"

#include "cpu/kernels/transcendental.h"
#include "cpu/simd.h"

namespace ganno::GANNO_TIER {

void apply_tanh(float* data, std::int64_t rows, std::int64_t row, std::int64_t values) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = 0; i < values; i += kVectorWidth) {
      store(data + r * row + i, hyperbolic_tangent(load(data + r * row + i)));
    }
  }
}

namespace {

template <typename Derivative>
GANNO_INLINE void gradient_rows(const float* output, std::int64_t output_row, const float* gradient,
                                std::int64_t gradient_row, float* target, std::int64_t target_row, std::int64_t rows,
                                std::int64_t values, Derivative derivative) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* h = output + r * output_row;
    const float* g = gradient + r * gradient_row;
    float* to = target + r * target_row;
    for (std::int64_t i = 0; i < values; i += kVectorWidth) store(to + i, derivative(load(h + i), load(g + i)));
  }
}

}  // namespace

void activation_gradient(Activation activation, const float* output, std::int64_t output_row, const float* gradient,
                         std::int64_t gradient_row, float* target, std::int64_t target_row, std::int64_t rows,
                         std::int64_t values) {
  switch (activation) {
    case Activation::kRelu:
      gradient_rows(output, output_row, gradient, gradient_row, target, target_row, rows, values,
                    [](Vector h, Vector g) { return zero_unless(greater(h, zero()), g); });
      break;
    case Activation::kTanh:
      gradient_rows(output, output_row, gradient, gradient_row, target, target_row, rows, values,
                    [](Vector h, Vector g) { return g * negative_fma(h, h, set1(1.0f)); });
      break;
    case Activation::kLinear:
      if (target == gradient) return;
      gradient_rows(gradient, gradient_row, gradient, gradient_row, target, target_row, rows, values,
                    [](Vector, Vector g) { return g; });
      break;
  }
}

void column_sums(const float* data, std::int64_t rows, std::int64_t row, std::int64_t columns, float* bias_gradient) {
  for (std::int64_t c = 0; c < columns; c += kVectorWidth) {
    Vector sum = zero();
    for (std::int64_t r = 0; r < rows; ++r) sum = sum + load(data + r * row + c);
    store(bias_gradient + c, load(bias_gradient + c) + sum);
  }
}

void multiply_elements(const float* a, std::int64_t a_row, const float* b, std::int64_t b_row, float* output,
                       std::int64_t output_row, std::int64_t rows, std::int64_t values) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = 0; i < values; i += kVectorWidth) {
      store(output + r * output_row + i, load(a + r * a_row + i) * load(b + r * b_row + i));
    }
  }
}

namespace {

inline constexpr int kBlocks = 16;  // Philox blocks computed side by side

/// Philox4x32-10 as in core/philox.h, on kBlocks consecutive counters; out[word][block].
GANNO_INLINE void philox_blocks(std::uint32_t key0, std::uint32_t key1, std::uint64_t index, std::uint64_t sub,
                                std::uint32_t (&out)[4][kBlocks]) {
  std::uint32_t* c0 = out[0];
  std::uint32_t* c1 = out[1];
  std::uint32_t* c2 = out[2];
  std::uint32_t* c3 = out[3];
  for (int j = 0; j < kBlocks; ++j) {
    c0[j] = static_cast<std::uint32_t>(index + static_cast<std::uint64_t>(j));
    c1[j] = static_cast<std::uint32_t>((index + static_cast<std::uint64_t>(j)) >> 32);
    c2[j] = static_cast<std::uint32_t>(sub);
    c3[j] = static_cast<std::uint32_t>(sub >> 32);
  }
  for (int round = 0; round < 10; ++round) {
    for (int j = 0; j < kBlocks; ++j) {
      const std::uint64_t product0 = 0xD2511F53ull * c0[j];
      const std::uint64_t product1 = 0xCD9E8D57ull * c2[j];
      c0[j] = static_cast<std::uint32_t>(product1 >> 32) ^ c1[j] ^ key0;
      c1[j] = static_cast<std::uint32_t>(product1);
      c2[j] = static_cast<std::uint32_t>(product0 >> 32) ^ c3[j] ^ key1;
      c3[j] = static_cast<std::uint32_t>(product0);
    }
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

}  // namespace

void dropout_factors(std::uint32_t seed, std::uint32_t stream, std::uint64_t sub, std::uint64_t first_block,
                     std::uint32_t threshold, float scale, std::int64_t pixels, std::int64_t channels,
                     std::int64_t padded, float* factors) {
  std::uint32_t words[4][kBlocks];
  std::int64_t channel = 0;
  const std::int64_t elements = pixels * channels;
  for (std::int64_t element = 0; element < elements; element += 4 * kBlocks) {
    philox_blocks(seed, stream, first_block + static_cast<std::uint64_t>(element) / 4, sub, words);
    const std::int64_t count = elements - element < 4 * kBlocks ? elements - element : 4 * kBlocks;
    for (std::int64_t i = 0; i < count; ++i) {
      *factors++ = words[i % 4][i / 4] < threshold ? 0.0f : scale;
      if (++channel == channels) {
        for (std::int64_t pad = channels; pad < padded; ++pad) *factors++ = 0.0f;
        channel = 0;
      }
    }
  }
}

}  // namespace ganno::GANNO_TIER

#pragma once
// The entry points of the child-network engine that are compiled once per instruction-set tier (native/cpu/kernels), as
// one table of function pointers, and the plain structures they take. Kernels know pointers and strides; which layer
// they serve is decided in network/pass.cc. All strides are in floats.
#include <cstdint>

#include "core/network_spec.h"
#include "cpu/tier.h"

namespace ganno {

/// Where a sum starts: at zero, at the bias, or at what the output holds already.
enum class Start { kZero, kBias, kAccumulate };

/// The one product behind dense and convolution layers, forward and both gradients:
///
///   c[group][row][column] = start + sum over segments s, then k, ascending:
///                           a[group*a_group + row*a_row + a_segments[s] + k*a_k] * b[b_segments[s] + k*b_k + column]
///
/// Every output element is one chain of fused multiply-adds in that order, whatever the tile or the tier.
///
///   layer            row            k                 segments            group
///   dense forward    sample         input             one                 one
///   dense dW         input          sample            one                 one
///   dense dX         sample         output            one                 one
///   conv forward     output column  (kx,) channel     ky (, kx)           output row
///   conv dW          (kx,) channel  output column     output row          ky (, kx)
///   conv dX          input column   (kx,) out channel taps that reach it  input row
struct Product {
  const float* a = nullptr;
  std::int64_t a_group = 0;
  std::int64_t a_row = 0;
  std::int64_t a_k = 0;
  const std::int64_t* a_segments = nullptr;
  const float* b = nullptr;
  std::int64_t b_k = 0;
  const std::int64_t* b_segments = nullptr;
  float* c = nullptr;
  std::int64_t c_group = 0;
  std::int64_t c_row = 0;
  const float* bias = nullptr;  // [columns], for Start::kBias
  std::int64_t groups = 1;
  std::int64_t rows = 0;
  std::int64_t columns = 0;  // a multiple of 16
  std::int64_t segments = 1;
  std::int64_t depth = 0;  // k per segment
  Start start = Start::kZero;
  bool relu = false;  // max(0, .) before the store
  // ReLU's gradient before the store: zero where this array, laid out as c, is not positive.
  const float* relu_output = nullptr;
};

/// One sample of a pooling layer. Input and output are NHWC with their own row strides; `channels` is padded to 16.
struct Pool {
  std::int64_t input_height, input_width, output_height, output_width;
  std::int64_t channels;
  std::int64_t input_row, input_pixel, output_row, output_pixel;
  std::int64_t size, stride, pad_top, pad_left;
};

/// Expands one image of bytes: (x / 255 - mean) / standard deviation as x * scale + shift.
struct Expand {
  std::int64_t rows;        // image rows
  std::int64_t row_values;  // width * channels
  const float* scale;       // [row_values]: one period of the channels
  const float* shift;       // [row_values]
  std::int64_t row;         // output row stride
  std::int64_t pixel;       // output pixel stride; `channels` when compact
  std::int64_t channels;
};

/// One sample under batch norm: y = (x - mean) * factor + shift, then the activation. Rows of pixels are contiguous,
/// `channels` is padded to 16.
struct NormalizedImage {
  std::int64_t rows, pixels, channels;  // pixels of a row
  const float* input;
  std::int64_t row;                    // ... from one row to the next
  const float *mean, *factor, *shift;  // [channels]
  Activation activation;
};

struct NetworkKernels {
  void (*multiply)(const Product& product);
  /// First-layer weight gradient for one input channel and a 3x3 or 5x5 kernel, all taps in one tile. Accumulates.
  /// a: input sample at the first tap, a_row from one output row to the next, a_tap from one tap row to the next; b:
  /// output gradient; c: [kernel*kernel][c_row].
  void (*weight_gradient_one_channel)(std::int64_t kernel, const float* a, std::int64_t a_row, std::int64_t a_tap,
                                      std::int64_t a_pixel, const float* b, std::int64_t b_row, std::int64_t b_pixel,
                                      std::int64_t height, std::int64_t width, float* c, std::int64_t c_row,
                                      std::int64_t columns);

  /// 2x2 max pooling, stride 2, of two convolution rows, ReLU first when `relu`. argmax: 0..3, 4 where ReLU is 0.
  void (*pool_rows2x2)(const float* upper, const float* lower, std::int64_t pixels, std::int64_t channels, bool relu,
                       float* output, std::uint8_t* argmax);
  /// Its gradient for a whole sample, written into the (bordered) convolution gradient; adds the bias gradient.
  void (*unpool2x2)(const float* gradient, const std::uint8_t* argmax, std::int64_t height, std::int64_t width,
                    std::int64_t channels, float* output, std::int64_t output_row, float* bias_gradient);

  void (*max_pool)(const Pool& pool, const float* input, float* output, std::uint8_t* argmax);
  void (*max_pool_gradient)(const Pool& pool, const float* gradient, const std::uint8_t* argmax, float* input_gradient);
  void (*average_pool)(const Pool& pool, const float* input, float* output);
  void (*average_pool_gradient)(const Pool& pool, const float* gradient, float* input_gradient);

  /// Each channel's mean over the sample, and the sum of squared deviations from it. [channels] each
  void (*channel_moments)(const NormalizedImage& image, float* means, float* squares);
  /// @param addend image added before the activation, or null
  void (*normalize)(const NormalizedImage& image, const float* addend, std::int64_t addend_row, float* output,
                    std::int64_t output_row);
  /// Takes the activation's part of the gradient in place, from its output, and sums each channel's g and
  /// g * (x - mean). [channels] each
  void (*normalize_sums)(const NormalizedImage& image, const float* output, std::int64_t output_row, float* gradient,
                         std::int64_t gradient_row, float* sums, float* products);
  /// target = factor * ((g - mean_gradient) - (x - mean) * slope)
  void (*normalize_gradient)(const NormalizedImage& image, const float* gradient, std::int64_t gradient_row,
                             const float* mean_gradient, const float* slope, float* target, std::int64_t target_row);
  /// output = activation(a + b), row by row of `values` floats (a multiple of 16).
  void (*add_images)(Activation activation, const float* a, std::int64_t a_row, const float* b, std::int64_t b_row,
                     float* output, std::int64_t output_row, std::int64_t rows, std::int64_t values);

  /// In place on rows of `values` floats (a multiple of 16).
  void (*apply_tanh)(float* data, std::int64_t rows, std::int64_t row, std::int64_t values);
  /// target = gradient times the activation's derivative, from the activation's output h: 1 (linear), h > 0 (ReLU),
  /// 1 - h*h (tanh). `target` may be `gradient`.
  void (*activation_gradient)(Activation activation, const float* output, std::int64_t output_row,
                              const float* gradient, std::int64_t gradient_row, float* target, std::int64_t target_row,
                              std::int64_t rows, std::int64_t values);
  /// bias_gradient[column] += sum over rows, rows ascending from zero. `columns` is a multiple of 16.
  void (*column_sums)(const float* data, std::int64_t rows, std::int64_t row, std::int64_t columns,
                      float* bias_gradient);

  /// Copies [rows][columns] to [rows][padded], the rest of each row zero.
  void (*pad_columns)(const float* source, std::int64_t rows, std::int64_t columns, float* target, std::int64_t padded);
  /// The reverse of pad_columns.
  void (*unpad_columns)(const float* source, std::int64_t rows, std::int64_t columns, std::int64_t padded,
                        float* target);
  /// target[column][row] = source[row][column]; columns of the target from `rows` to `padded` are zeroed.
  void (*transpose)(const float* source, std::int64_t rows, std::int64_t columns, float* target, std::int64_t padded);

  void (*expand)(const Expand& expand, const std::uint8_t* image, float* output);

  /// Inverted dropout's factors for one sample: 0 where word e of the Philox sequence (seed, stream, sub) from
  /// `first_block` on is below `threshold`, else `scale`; e counts true elements, [pixels][channels]. Written as
  /// [pixels][padded], padding zero.
  void (*dropout_factors)(std::uint32_t seed, std::uint32_t stream, std::uint64_t sub, std::uint64_t first_block,
                          std::uint32_t threshold, float scale, std::int64_t pixels, std::int64_t channels,
                          std::int64_t padded, float* factors);
  /// output = a * b, row by row of `values` floats (a multiple of 16).
  void (*multiply_elements)(const float* a, std::int64_t a_row, const float* b, std::int64_t b_row, float* output,
                            std::int64_t output_row, std::int64_t rows, std::int64_t values);

  /// Softmax cross-entropy of `rows` rows of logits. losses: [rows]; correct: [rows], 1 where the largest logit is the
  /// label's. gradient (may be null): [rows][row] = (softmax - onehot) * scale, padding zero.
  void (*softmax_cross_entropy)(const float* logits, std::int64_t rows, std::int64_t row, std::int64_t classes,
                                const std::uint8_t* labels, float scale, float* losses, std::uint8_t* correct,
                                float* gradient);
};

const NetworkKernels& network_kernels(Tier tier);

}  // namespace ganno

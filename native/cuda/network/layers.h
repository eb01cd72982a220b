#pragma once
// What lies between and behind the products: loss, pooling, dropout, bias gradients. All networks in one launch; arrays
// are compact NHWC. Orders of addition are the CPU's, so the bits are too.
#include <cstdint>

#include "core/network_spec.h"
#include "cuda/device.h"
#include "cuda/network/geometry.h"
#include "cuda/network/state.h"

namespace ganno::cuda {

struct SoftmaxLoss {
  const std::uint32_t* active = nullptr;
  PerNetwork<const float> logits;           // [samples][classes]
  PerNetwork<const std::uint32_t> numbers;  // [samples] image numbers
  const std::uint8_t* labels = nullptr;     // the data set's
  PerNetwork<float> losses;                 // [samples]
  PerNetwork<std::uint32_t> correct;        // [samples]
  PerNetwork<float> gradient;               // [samples][classes], of the mean loss; null: none
  std::uint32_t samples = 0, classes = 0;
};
void launch_softmax_loss(const Stream& stream, std::uint32_t networks, const SoftmaxLoss& loss);

/// Average or maximum over windows cut to the image. Ties go to the first position of the window.
struct Pooling {
  const std::uint32_t* active = nullptr;
  Geometry geometry;  // in = out = channels; out_height, out_width: of the pooling itself
  int window = 0;     // edge; larger than the image for global pooling
  bool maximum = false;
  PerNetwork<const float> input;
  PerNetwork<float> output;
  PerNetwork<std::uint8_t> positions;  // maximum: [samples][output], the position in the cut window
  // Gradients:
  PerNetwork<const float> output_gradient;
  PerNetwork<float> input_gradient;
  Activation activation = Activation::kLinear;  // of the layer below
};
void launch_pool(const Stream& stream, std::uint32_t networks, const Pooling& pooling);
void launch_pool_gradient(const Stream& stream, std::uint32_t networks, const Pooling& pooling);

/// Inverted dropout: to = from * factor, the factor 0 or `scale` by word e of the sequence (seed, step, position).
struct Dropout {
  Progress progress;
  PerNetwork<const float> from;  // [samples][values]
  PerNetwork<float> to;
  PerNetwork<const float> below;                // gradients: output of the layer below
  Activation activation = Activation::kLinear;  // gradients: of the layer below
  std::uint64_t position = 0;                   // of the layer in the specification
  std::uint32_t threshold = 0;
  float scale = 1;
  std::uint32_t samples = 0, values = 0;
  Divider by_blocks;  // blocks of four words of a sample
};
void launch_dropout(const Stream& stream, std::uint32_t networks, const Dropout& dropout);

/// Sums of an output's gradient over rows of pixels (samples of a dense layer), then over those.
struct BiasGradient {
  const std::uint32_t* active = nullptr;
  PerNetwork<const float> gradient;          // [groups][length][columns]
  PerNetwork<const std::uint8_t> positions;  // through fused pooling: a 4 counts as 0; else null
  PerNetwork<float> partial;                 // [groups][columns]
  PerNetwork<float> out;                     // [columns]
  std::uint32_t groups = 0, length = 0, columns = 0;
  Divider by_columns;
};
void launch_bias_gradient(const Stream& stream, std::uint32_t networks, const BiasGradient& bias);

/// out[i] = sum over parts, ascending.
struct FoldParts {
  const std::uint32_t* active = nullptr;
  PerNetwork<const float> parts;  // [count][stride]
  PerNetwork<float> out;          // [size]
  std::int64_t stride = 0;
  std::uint32_t count = 0, size = 0;
};
void launch_fold_parts(const Stream& stream, std::uint32_t networks, const FoldParts& fold);

}  // namespace ganno::cuda

#include "cpu/network/pass.h"

#include <algorithm>
#include <cstring>

namespace ganno {

namespace {

constexpr std::int64_t kOneSegment = 0;

Pool pool_of(const Node& node, const Tensor& from, const Tensor& to) {
  Pool pool{};
  pool.input_height = from.height;
  pool.input_width = from.width;
  pool.output_height = to.height;
  pool.output_width = to.width;
  pool.channels = pad16(from.channels);
  pool.input_row = from.row;
  pool.input_pixel = from.pixel;
  pool.output_row = to.row;
  pool.output_pixel = to.pixel;
  pool.size = node.size;
  pool.stride = node.stride;
  pool.pad_top = node.pad_top;
  pool.pad_left = node.pad_left;
  if (node.kind == LayerKind::kGlobalAveragePool) {
    pool.size = std::max(from.height, from.width);
    pool.stride = 1;
  }
  return pool;
}

void set_bias(const Node& node, const float* parameters, Product* product) {
  if (!node.has_bias) return;
  product->start = Start::kBias;
  product->bias = parameters + node.bias;  // the arena's padding behind it is zero
}

/// Floats of one row of pixels, padding included.
std::int64_t row_values(const Tensor& tensor) {
  return tensor.width * pad16(tensor.channels);
}

}  // namespace

Pass::Pass(const NetworkPlan& plan, Tier tier, const double* mean, const double* standard_deviation)
    : plan_(plan), kernels_(network_kernels(tier)), memory_(plan.workspace_floats) {
  float* scale = at(plan.expand_scale);
  float* shift = at(plan.expand_shift);
  const std::int64_t channels = plan.input.channels;
  for (std::int64_t i = 0; i < plan.input.width * channels; ++i) {
    scale[i] = static_cast<float>(1 / (255 * standard_deviation[i % channels]));
    shift[i] = static_cast<float>(-mean[i % channels] / standard_deviation[i % channels]);
  }
}

void Pass::prepare(const float* parameters, bool gradients) {
  for (const Node& node : plan_.nodes) {
    if (node.columns == 0) continue;
    const float* source = parameters + node.weights;
    const std::int64_t rows = node.taps * node.in;
    if (node.columns != node.padded) {
      kernels_.pad_columns(source, rows, node.columns, at(node.packed_weights), node.padded);
    }
    if (!gradients || !node.needs_input_gradient) continue;
    for (std::int64_t tap = 0; tap < node.taps; ++tap) {
      kernels_.transpose(source + tap * node.in * node.columns, node.in, node.columns,
                         at(node.transposed) + (node.taps - 1 - tap) * node.columns * node.transposed_columns,
                         node.transposed_columns);
    }
  }
}

void Pass::forward(const float* parameters, const float* running, const ImageSource& source,
                   const std::uint32_t* images, std::int64_t count, const DropoutKey& dropout) {
  const Tensor& input = plan_.tensors.front();
  const std::int64_t image_bytes = plan_.input.height * plan_.input.width * plan_.input.channels;
  dropout_active_ = dropout.active;
  Expand expand{};
  expand.rows = input.height;
  expand.row_values = input.width * input.channels;
  expand.scale = at(plan_.expand_scale);
  expand.shift = at(plan_.expand_shift);
  expand.row = input.row;
  expand.pixel = input.pixel;
  expand.channels = input.channels;
  std::uint8_t* labels = bytes(plan_.labels);
  // Images lie anywhere in the data set: ask for them well before they are needed.
  const auto fetch = [&](std::int64_t i) {
    const std::uint8_t* image = source.images + static_cast<std::int64_t>(images[i]) * image_bytes;
    for (std::int64_t byte = 0; byte < image_bytes; byte += 64) __builtin_prefetch(image + byte);
    __builtin_prefetch(source.labels + images[i]);
  };
  const std::int64_t ahead = image_bytes <= 1024 ? 6 : 2;
  for (std::int64_t i = 0; i < std::min(ahead, count); ++i) fetch(i);
  const bool batch_statistics = running == nullptr;
  if (!batch_statistics) use_running(running, parameters);
  // Sample by sample, all layers: one sample's activations stay in the first cache levels. A batch norm needs all
  // samples' before the first goes on.
  for (std::size_t begin = 0;;) {
    const std::size_t end = batch_statistics ? plan_.batch_norm_after(begin) : plan_.dense_begin;
    for (std::int64_t i = 0; i < count; ++i) {
      if (begin == 0) {
        if (i + ahead < count) fetch(i + ahead);
        labels[i] = source.labels[images[i]];
        kernels_.expand(expand, source.images + static_cast<std::int64_t>(images[i]) * image_bytes, image(input, i));
      }
      for (std::size_t node = begin; node < end; ++node) forward_sample(node, parameters, i, dropout);
      if (end < plan_.dense_begin) sum_channels(end, i);
    }
    if (end == plan_.dense_begin) break;
    fold_channels(end, parameters, count);
    begin = end;
  }
  for (std::size_t node = plan_.dense_begin; node < plan_.nodes.size(); ++node) {
    forward_vectors(node, parameters, batch_statistics, count, dropout);
  }
}

void Pass::forward_vectors(std::size_t index, const float* parameters, bool batch_statistics, std::int64_t count,
                           const DropoutKey& dropout) {
  const LayerKind kind = plan_.nodes[index].kind;
  if (kind == LayerKind::kDense) {
    forward_dense(index, parameters, count);
  } else if (kind == LayerKind::kDropout) {
    for (std::int64_t i = 0; i < count; ++i) forward_dropout(index, i, dropout);
  } else {
    if (batch_statistics) {
      for (std::int64_t i = 0; i < count; ++i) sum_channels(index, i);
      fold_channels(index, parameters, count);
    }
    for (std::int64_t i = 0; i < count; ++i) normalize(index, parameters, i);
  }
}

void Pass::forward_sample(std::size_t index, const float* parameters, std::int64_t sample, const DropoutKey& dropout) {
  const Node& node = plan_.nodes[index];
  const Tensor& from = plan_.tensors[node.input];
  const Tensor& to = plan_.tensors[index + 1];
  const float* input = image(from, sample);
  float* output = image(to, sample);
  switch (node.kind) {
    case LayerKind::kConvolution:
      forward_convolution(index, parameters, sample);
      break;
    case LayerKind::kMaxPool:
      kernels_.max_pool(pool_of(node, from, to), input, output, bytes(node.argmax) + sample * node.argmax_sample);
      break;
    case LayerKind::kAveragePool:
    case LayerKind::kGlobalAveragePool:
      kernels_.average_pool(pool_of(node, from, to), input, output);
      break;
    case LayerKind::kDropout:
      forward_dropout(index, sample, dropout);
      break;
    case LayerKind::kFlatten:
      for (std::int64_t y = 0; y < from.height; ++y) {
        kernels_.unpad_columns(input + y * from.row, from.width, from.channels, from.pixel,
                               output + y * from.width * from.channels);
      }
      break;
    case LayerKind::kBatchNorm:
      normalize(index, parameters, sample);
      break;
    case LayerKind::kAdd:
      forward_add(index, sample);
      break;
    case LayerKind::kDense:
      break;
  }
}

void Pass::forward_convolution(std::size_t index, const float* parameters, std::int64_t sample) {
  const Node& node = plan_.nodes[index];
  const Tensor& from = plan_.tensors[node.input];
  const Tensor& to = plan_.tensors[index + 1];
  Product product;
  product.a = at(from.buffer) + sample * from.sample + node.input_offset;
  product.a_group = node.stride * from.row;
  product.a_row = node.stride * from.pixel;
  product.a_k = 1;
  product.a_segments = node.forward_a.data();
  product.b = weights(node, parameters);
  product.b_k = node.padded;
  product.b_segments = node.forward_b.data();
  set_bias(node, parameters, &product);
  product.rows = node.width;
  product.columns = node.padded;
  product.segments = static_cast<std::int64_t>(node.forward_a.size());
  product.depth = node.forward_depth;
  float* output = image(to, sample);
  if (!node.pooled) {
    product.c = output;
    product.c_group = to.row;
    product.c_row = to.pixel;
    product.groups = node.height;
    product.relu = node.activation == Activation::kRelu;
    kernels_.multiply(product);
    if (node.activation == Activation::kTanh) kernels_.apply_tanh(output, node.height, to.row, row_values(to));
    return;
  }
  float* rows = at(node.rows_buffer);
  product.c = rows;
  product.c_row = node.padded;
  product.c_group = node.width * node.padded;
  product.groups = 2;
  std::uint8_t* argmax = bytes(node.argmax) + sample * node.argmax_sample;
  for (std::int64_t y = 0; y < to.height; ++y) {
    kernels_.multiply(product);
    kernels_.pool_rows2x2(rows, rows + product.c_group, to.width, node.padded, node.activation == Activation::kRelu,
                          output + y * to.row, argmax + y * to.width * node.padded);
    product.a += 2 * product.a_group;
  }
}

void Pass::forward_dense(std::size_t index, const float* parameters, std::int64_t count) {
  const Node& node = plan_.nodes[index];
  const Tensor& from = plan_.tensors[index];
  const Tensor& to = plan_.tensors[index + 1];
  Product product;
  product.a = at(from.buffer);
  product.a_row = from.sample;
  product.a_k = 1;
  product.a_segments = &kOneSegment;
  product.b = weights(node, parameters);
  product.b_k = node.padded;
  product.b_segments = &kOneSegment;
  product.c = at(to.buffer);
  product.c_row = to.sample;
  set_bias(node, parameters, &product);
  product.rows = count;
  product.columns = node.padded;
  product.depth = node.in;
  product.relu = node.activation == Activation::kRelu;
  kernels_.multiply(product);
  if (node.activation == Activation::kTanh) kernels_.apply_tanh(product.c, count, to.sample, node.padded);
}

void Pass::forward_dropout(std::size_t index, std::int64_t sample, const DropoutKey& dropout) {
  const Node& node = plan_.nodes[index];
  const Tensor& from = plan_.tensors[node.input];
  const Tensor& to = plan_.tensors[index + 1];
  const float* input = image(from, sample);
  float* output = image(to, sample);
  if (!dropout.active) {
    for (std::int64_t y = 0; y < from.height; ++y) {
      std::memcpy(output + y * to.row, input + y * from.row,
                  static_cast<std::size_t>(row_values(from)) * sizeof(float));
    }
    return;
  }
  float* factors = at(node.factors) + sample * node.factors_sample;
  const auto blocks = static_cast<std::uint64_t>((from.values() + 3) / 4);
  kernels_.dropout_factors(dropout.seed, dropout.stream, dropout.sub + node.position,
                           static_cast<std::uint64_t>(sample) * blocks, static_cast<std::uint32_t>(node.rate * 0x1p32),
                           static_cast<float>(1 / (1 - node.rate)), from.height * from.width, from.channels,
                           pad16(from.channels), factors);
  kernels_.multiply_elements(input, from.row, factors, row_values(from), output, to.row, from.height, row_values(from));
}

Pass::Score Pass::score(std::int64_t count, bool gradient) {
  const Tensor& logits = plan_.tensors.back();
  float* losses = at(plan_.losses);
  std::uint8_t* correct = bytes(plan_.correct);
  kernels_.softmax_cross_entropy(at(logits.buffer), count, logits.sample, plan_.classes, bytes(plan_.labels),
                                 1.0f / static_cast<float>(count), losses, correct,
                                 gradient ? at(logits.gradient) : nullptr);
  Score score;
  for (std::int64_t i = 0; i < count; ++i) {
    score.loss_sum += static_cast<double>(losses[i]);
    score.correct += correct[i];
  }
  return score;
}

}  // namespace ganno

// The backward half of Pass: dense layers on the whole batch, then sample by sample through the image layers.
#include <algorithm>
#include <cstring>

#include "cpu/network/pass.h"

namespace ganno {

namespace {

constexpr std::int64_t kOneSegment = 0;

std::int64_t row_values(const Tensor& tensor) {
  return tensor.width * pad16(tensor.channels);
}

void clear(float* data, std::int64_t floats) {
  std::memset(data, 0, static_cast<std::size_t>(floats) * sizeof(float));
}

}  // namespace

void Pass::backward(const float* parameters, std::int64_t count) {
  for (const Node& node : plan_.nodes) {
    if (node.columns == 0) continue;
    if (node.has_bias) clear(at(plan_.gradients) + node.bias, node.padded);
    if (node.kind == LayerKind::kConvolution) clear(weight_gradient(node), node.taps * node.in * node.padded);
  }
  for (std::size_t index = plan_.nodes.size(); index-- > plan_.dense_begin;) {
    if (index < plan_.first_trainable) break;
    backward_vectors(index, parameters, count);
  }
  // Sample by sample from one batch norm to the one before it: the sums over the batch end its half of the backward
  // pass.
  std::size_t end = plan_.dense_begin;
  std::size_t norm = plan_.batch_norm_before(end);
  while (end > plan_.first_trainable) {
    const std::size_t begin = norm == 0 ? plan_.first_trainable : norm + 1;
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::size_t index = end; index-- > begin;) backward_sample(index, parameters, i);
      if (norm != 0) sum_gradient(norm, parameters, i);
    }
    if (norm == 0) break;
    fold_gradient_sums(norm, count);
    end = norm + 1;
    norm = plan_.batch_norm_before(norm);
  }
  for (const Node& node : plan_.nodes) {
    if (node.columns == node.padded) continue;
    kernels_.unpad_columns(at(node.packed_gradient), node.taps * node.in, node.columns, node.padded,
                           at(plan_.gradients) + node.weights);
  }
}

void Pass::backward_vectors(std::size_t index, const float* parameters, std::int64_t count) {
  const Node& node = plan_.nodes[index];
  const Tensor& from = plan_.tensors[index];
  const Tensor& to = plan_.tensors[index + 1];
  if (node.kind == LayerKind::kDense) {
    backward_dense(index, parameters, count);
  } else if (node.kind == LayerKind::kDropout) {
    for (std::int64_t i = 0; i < count; ++i) {
      backward_dropout(index, gradient(to, i), to.sample, gradient(from, i), from.sample, i);
    }
  } else {
    for (std::int64_t i = 0; i < count; ++i) sum_gradient(index, parameters, i);
    fold_gradient_sums(index, count);
    for (std::int64_t i = 0; i < count; ++i) unnormalize(index, parameters, i, gradient(from, i), from.sample);
  }
}

void Pass::backward_dense(std::size_t index, const float* parameters, std::int64_t count) {
  (void)parameters;
  const Node& node = plan_.nodes[index];
  const Tensor& from = plan_.tensors[index];
  const Tensor& to = plan_.tensors[index + 1];
  float* gradient = at(to.gradient);
  // ReLU's part was done by the product that wrote the gradient, unless a dropout lies between.
  const bool followed_by_dense = index + 1 < plan_.nodes.size() && plan_.nodes[index + 1].kind == LayerKind::kDense;
  if (node.activation != Activation::kLinear && !(node.activation == Activation::kRelu && followed_by_dense)) {
    kernels_.activation_gradient(node.activation, at(to.buffer), to.sample, gradient, to.sample, gradient, to.sample,
                                 count, node.padded);
  }
  Product product;
  product.a = at(from.buffer);
  product.a_row = 1;
  product.a_k = from.sample;
  product.a_segments = &kOneSegment;
  product.b = gradient;
  product.b_k = to.sample;
  product.b_segments = &kOneSegment;
  product.c = weight_gradient(node);
  product.c_row = node.padded;
  product.rows = node.in;
  product.columns = node.padded;
  product.depth = count;
  kernels_.multiply(product);
  if (node.has_bias) {
    kernels_.column_sums(gradient, count, to.sample, node.padded, at(plan_.gradients) + node.bias);
  }
  if (!node.needs_input_gradient) return;
  product.a = gradient;
  product.a_row = to.sample;
  product.a_k = 1;
  product.b = at(node.transposed);
  product.b_k = node.transposed_columns;
  product.c = at(from.gradient);
  product.c_row = from.sample;
  product.rows = count;
  product.columns = node.transposed_columns;
  product.depth = node.columns;
  if (index > 0 && plan_.nodes[index - 1].kind == LayerKind::kDense &&
      plan_.nodes[index - 1].activation == Activation::kRelu) {
    product.relu_output = at(from.buffer);
  }
  kernels_.multiply(product);
}

void Pass::backward_sample(std::size_t index, const float* parameters, std::int64_t sample) {
  const Node& node = plan_.nodes[index];
  const Tensor& from = plan_.tensors[node.input];
  const Tensor& to = plan_.tensors[index + 1];
  const float* output_gradient = gradient(to, sample);
  float* target = gradient(from, sample);
  const std::int64_t channels = pad16(from.channels);
  Pool pool{};
  pool.input_height = from.height;
  pool.input_width = from.width;
  pool.output_height = to.height;
  pool.output_width = to.width;
  pool.channels = channels;
  pool.size = node.size;
  pool.stride = node.stride;
  pool.pad_top = node.pad_top;
  pool.pad_left = node.pad_left;
  switch (node.kind) {
    case LayerKind::kConvolution:
      backward_convolution(index, sample);
      break;
    case LayerKind::kBatchNorm: {
      const Node& before = plan_.nodes[index - 1];  // a convolution, which reads its gradient with a border
      unnormalize(index, parameters, sample, at(before.output_gradient) + before.output_gradient_origin,
                  before.output_gradient_row);
      break;
    }
    case LayerKind::kAdd:
      backward_add(index, sample);
      break;
    case LayerKind::kMaxPool:
      clear(target, from.height * row_values(from));
      kernels_.max_pool_gradient(pool, output_gradient, bytes(node.argmax) + sample * node.argmax_sample, target);
      break;
    case LayerKind::kGlobalAveragePool:
      pool.size = std::max(from.height, from.width);
      pool.stride = 1;
      [[fallthrough]];
    case LayerKind::kAveragePool:
      clear(target, from.height * row_values(from));
      kernels_.average_pool_gradient(pool, output_gradient, target);
      break;
    case LayerKind::kDropout:
      backward_dropout(index, output_gradient, row_values(from), target, row_values(from), sample);
      break;
    case LayerKind::kFlatten:
      for (std::int64_t y = 0; y < from.height; ++y) {
        kernels_.pad_columns(output_gradient + y * from.width * from.channels, from.width, from.channels,
                             target + y * row_values(from), channels);
      }
      break;
    case LayerKind::kDense:
      break;
  }
}

void Pass::backward_dropout(std::size_t index, const float* gradient, std::int64_t gradient_row, float* target,
                            std::int64_t target_row, std::int64_t sample) {
  const Node& node = plan_.nodes[index];
  const Tensor& from = plan_.tensors[index];
  if (!dropout_active_) {
    for (std::int64_t y = 0; y < from.height; ++y) {
      std::memcpy(target + y * target_row, gradient + y * gradient_row,
                  static_cast<std::size_t>(row_values(from)) * sizeof(float));
    }
    return;
  }
  kernels_.multiply_elements(gradient, gradient_row, at(node.factors) + sample * node.factors_sample, row_values(from),
                             target, target_row, from.height, row_values(from));
}

void Pass::backward_convolution(std::size_t index, std::int64_t sample) {
  const Node& node = plan_.nodes[index];
  const Tensor& from = plan_.tensors[node.input];
  const Tensor& to = plan_.tensors[index + 1];
  const std::int64_t row = node.output_gradient_row;
  float* output_gradient = at(node.output_gradient) + node.output_gradient_origin;
  float* bias_gradient = at(plan_.gradients) + node.bias;
  const float* to_gradient = gradient(to, sample);
  if (!node.has_bias) {
    // The batch norm behind it has written the gradient where it belongs.
  } else if (node.pooled) {
    kernels_.unpool2x2(to_gradient, bytes(node.argmax) + sample * node.argmax_sample, to.height, to.width, node.padded,
                       output_gradient, row, bias_gradient);
  } else {
    kernels_.activation_gradient(node.activation, image(to, sample), to.row, to_gradient, row_values(to),
                                 output_gradient, row, node.height, row_values(to));
    for (std::int64_t y = 0; y < node.height; ++y) {
      kernels_.column_sums(output_gradient + y * row, node.width, node.padded, node.padded, bias_gradient);
    }
  }

  const float* input = at(from.buffer) + sample * from.sample + node.input_offset;
  float* weights = weight_gradient(node);
  if (from.pixel == 1 && (node.size == 3 || node.size == 5)) {
    kernels_.weight_gradient_one_channel(node.size, input, node.stride * from.row, from.row, node.stride,
                                         output_gradient, row, node.padded, node.height, node.width, weights,
                                         node.padded, node.padded);
  } else {
    const bool compact = from.pixel == node.in;
    Product product;
    product.a_row = 1;
    product.a_k = node.stride * from.pixel;
    product.a_segments = node.weight_a.data();
    product.b = output_gradient;
    product.b_k = node.padded;
    product.b_segments = node.weight_b.data();
    product.c_row = node.padded;
    product.columns = node.padded;
    product.segments = node.height;
    product.depth = node.width;
    product.start = Start::kAccumulate;
    product.rows = compact ? node.size * node.in : node.in;
    product.groups = node.size;
    product.a_group = compact ? from.row : from.pixel;
    product.c_group = product.rows * node.padded;
    for (std::int64_t y = 0; y < (compact ? 1 : node.size); ++y) {
      product.a = input + y * from.row;
      product.c = weights + y * node.size * node.in * node.padded;
      kernels_.multiply(product);
    }
  }
  if (!node.needs_input_gradient) return;

  float* target = gradient(from, sample);
  const std::int64_t pixel = node.transposed_columns;
  Product product;
  product.a_group = row;
  product.a_row = node.padded;
  product.a_k = 1;
  product.b = at(node.transposed);
  product.b_k = pixel;
  product.c_group = node.stride * from.width * pixel;
  product.c_row = node.stride * pixel;
  product.columns = pixel;
  product.a = output_gradient;
  product.start = node.adds_input_gradient ? Start::kAccumulate : Start::kZero;
  for (const Node::InputClass& pixels : node.input_classes) {
    product.a_segments = pixels.a.data();
    product.b_segments = pixels.b.data();
    product.segments = static_cast<std::int64_t>(pixels.a.size());
    product.depth = pixels.depth;
    product.groups = pixels.rows;
    product.rows = pixels.columns;
    product.c = target + (pixels.first_row * from.width + pixels.first_column) * pixel;
    kernels_.multiply(product);
  }
}

}  // namespace ganno

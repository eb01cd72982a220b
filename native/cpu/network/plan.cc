#include "cpu/network/plan.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace ganno {

namespace {

/// A stride of a multiple of 512 bytes would put the rows of a tile on the same few cache sets.
std::int64_t spread(std::int64_t floats) {
  return floats % 128 == 0 ? floats + 16 : floats;
}

}  // namespace

NetworkPlan::NetworkPlan(ImageShape input_shape, const std::vector<LayerSpec>& layers, std::int64_t samples)
    : input(input_shape), capacity(samples) {
  if (capacity < 1) throw std::invalid_argument("an empty batch");
  NetworkShape shape(input_shape, layers);
  for (const NodeShape& node : shape.nodes) {
    static_cast<NodeShape&>(nodes.emplace_back()) = node;
    nodes.back().padded = pad16(node.columns);
  }
  for (const ImageShape& image : shape.images) static_cast<ImageShape&>(tensors.emplace_back()) = image;
  classes = shape.classes();
  dense_begin = shape.dense_begin;
  first_trainable = shape.first_trainable;
  table = std::move(shape.table);
  running_values = shape.running_values;
  plan_strides();
  for (std::size_t i = 0; i < dense_begin; ++i) {
    if (nodes[i].kind == LayerKind::kConvolution) plan_convolution(i);
  }
  plan_workspace();
}

std::size_t NetworkPlan::batch_norm_after(std::size_t index) const {
  for (std::size_t i = index + 1; i < dense_begin; ++i) {
    if (nodes[i].kind == LayerKind::kBatchNorm) return i;
  }
  return dense_begin;
}

std::size_t NetworkPlan::batch_norm_before(std::size_t index) const {
  for (std::size_t i = index; i-- > 0;) {
    if (nodes[i].kind == LayerKind::kBatchNorm) return i;
  }
  return 0;
}

void NetworkPlan::plan_strides() {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    Tensor& tensor = tensors[i];
    const bool raw = i == 0 && (nodes[0].kind == LayerKind::kConvolution || nodes[0].kind == LayerKind::kDense);
    tensor.pixel = raw ? tensor.channels : pad16(tensor.channels);
    // Every convolution that reads it finds its zero padding; the widest one's border serves all.
    bool convolved = false;
    std::int64_t top = 0, left = 0, bottom = 0, right = 0;
    for (const Node& node : nodes) {
      if (node.input != i || node.kind != LayerKind::kConvolution) continue;
      convolved = true;
      top = std::max(top, node.pad_top);
      left = std::max(left, node.pad_left);
      bottom = std::max(bottom, (node.height - 1) * node.stride + node.size - tensor.height - node.pad_top);
      right = std::max(right, (node.width - 1) * node.stride + node.size - tensor.width - node.pad_left);
    }
    if (tensor.is_vector()) {
      tensor.pixel = tensor.row = tensor.sample = spread(pad16(tensor.channels));
      if (i < nodes.size() && !convolved) continue;
      tensor.pixel = raw ? tensor.channels : pad16(tensor.channels);
    }
    tensor.row = (tensor.width + left + right) * tensor.pixel;
    tensor.origin = top * tensor.row + left * tensor.pixel;
    tensor.sample = pad16((tensor.height + top + bottom) * tensor.row);
    if (i >= dense_begin) tensor.sample = spread(tensor.sample);
  }
}

void NetworkPlan::plan_convolution(std::size_t index) {
  Node& node = nodes[index];
  const Tensor& from = tensors[node.input];
  node.input_offset = from.origin - node.pad_top * from.row - node.pad_left * from.pixel;
  const std::int64_t k = node.size, s = node.stride, in = node.in, out = node.columns;

  // Forward: where pixels are compact, the taps of a row are one run over (kx, channel).
  const bool compact = from.pixel == in;
  node.forward_depth = compact ? k * in : in;
  for (std::int64_t y = 0; y < k; ++y) {
    for (std::int64_t x = 0; x < (compact ? 1 : k); ++x) {
      node.forward_a.push_back(y * from.row + x * from.pixel);
      node.forward_b.push_back((y * k + x) * in * node.padded);
    }
  }

  // The output's gradient, with the border the input gradient reads.
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;
  if (node.needs_input_gradient) {
    const auto before = [&](std::int64_t pad) { return std::max<std::int64_t>((k - 1 - pad + s - 1) / s, 0); };
    const auto after = [&](std::int64_t size, std::int64_t pad, std::int64_t output) {
      return std::max<std::int64_t>((size - 1 + pad) / s - (output - 1), 0);
    };
    top = before(node.pad_top);
    left = before(node.pad_left);
    bottom = after(from.height, node.pad_top, node.height);
    right = after(from.width, node.pad_left, node.width);
  }
  node.output_gradient_row = (node.width + left + right) * node.padded;
  node.output_gradient_origin = top * node.output_gradient_row + left * node.padded;
  node.output_gradient = reserve((node.height + top + bottom) * node.output_gradient_row);

  for (std::int64_t y = 0; y < node.height; ++y) {
    node.weight_a.push_back(y * s * from.row);
    node.weight_b.push_back(y * node.output_gradient_row);
  }
  if (!node.needs_input_gradient) return;

  node.transposed_columns = pad16(in);
  node.transposed = reserve(node.taps * out * node.transposed_columns);
  const bool run = s == 1 && node.padded == out;
  for (std::int64_t py = 0; py < s; ++py) {
    for (std::int64_t px = 0; px < s; ++px) {
      Node::InputClass pixels;
      pixels.first_row = py;
      pixels.first_column = px;
      pixels.rows = (from.height - py + s - 1) / s;
      pixels.columns = (from.width - px + s - 1) / s;
      pixels.depth = run ? k * out : out;
      for (std::int64_t y = k - 1; y >= 0; --y) {
        if ((py + node.pad_top - y) % s != 0) continue;
        for (std::int64_t x = k - 1; x >= 0; --x) {
          if ((px + node.pad_left - x) % s != 0) continue;
          if (run && x != k - 1) continue;
          pixels.a.push_back((py + node.pad_top - y) / s * node.output_gradient_row +
                             (px + node.pad_left - x) / s * node.padded);
          pixels.b.push_back((node.taps - 1 - (y * k + x)) * out * node.transposed_columns);
        }
      }
      node.input_classes.push_back(std::move(pixels));
    }
  }
}

std::size_t NetworkPlan::reserve(std::int64_t floats) {
  const std::size_t offset = workspace_floats;
  // 32 floats of slack: kernels may read, never use, a few values past a row's end.
  workspace_floats += static_cast<std::size_t>((floats + 32 + 63) / 64 * 64);
  return offset;
}

void NetworkPlan::plan_workspace() {
  for (Tensor& tensor : tensors) tensor.buffer = reserve(capacity * tensor.sample);
  plan_gradients();
  std::int64_t normalized = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    Node& node = nodes[i];
    const Tensor& from = tensors[node.input];
    const Tensor& to = tensors[i + 1];
    if (node.columns > 0 && node.columns != node.padded) {
      node.packed_weights = reserve(node.taps * node.in * node.padded);
      node.packed_gradient = reserve(node.taps * node.in * node.padded);
    }
    if (node.kind == LayerKind::kDense && node.needs_input_gradient) {
      node.transposed_columns = pad16(node.in);
      node.transposed = reserve(node.columns * node.transposed_columns);
    }
    if (node.kind == LayerKind::kMaxPool || node.pooled) {
      node.argmax_sample = to.height * to.width * pad16(to.channels);
      node.argmax = reserve_bytes(capacity * node.argmax_sample);
    }
    if (node.pooled) node.rows_buffer = reserve(2 * node.width * node.padded);
    if (node.kind == LayerKind::kDropout) {
      node.factors_sample = from.height * from.width * pad16(from.channels);
      node.factors = reserve(capacity * node.factors_sample);
    }
    if (node.kind == LayerKind::kBatchNorm) {
      const std::int64_t channels = pad16(from.channels);
      normalized = std::max(normalized, channels);
      for (std::size_t* offset : {&node.mean, &node.factor, &node.inverse, &node.variance}) *offset = reserve(channels);
    }
  }
  if (normalized > 0) {
    channel_sums_sample = 2 * normalized;
    channel_sums = reserve(capacity * channel_sums_sample);
    mean_gradient = reserve(normalized);
    slope = reserve(normalized);
  }
  gradients = reserve(static_cast<std::int64_t>(table.arena_size()));
  losses = reserve(capacity);
  labels = reserve_bytes(capacity);
  correct = reserve_bytes(capacity);
  expand_scale = reserve(input.width * input.channels);
  expand_shift = reserve(input.width * input.channels);
}

}  // namespace ganno

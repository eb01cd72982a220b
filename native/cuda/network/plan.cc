#include "cuda/network/plan.h"

#include <algorithm>
#include <string>

#include "core/error.h"

namespace ganno::cuda {

namespace {

/// Kernels count the elements of one network's batch with 31 bits.
void check_count(std::int64_t samples, std::int64_t values) {
  constexpr std::int64_t kLimit = (std::int64_t{1} << 31) - 4096;
  if (values <= kLimit / samples) return;
  throw CodedError("OUT_OF_MEMORY", "A batch of " + std::to_string(samples) + " images has " + std::to_string(values) +
                                        " values an image in one layer, more than a CUDA kernel counts: use a smaller "
                                        "batchSize or smaller layers");
}

Geometry geometry_of(const NodeShape& node, const ImageShape& from, const ImageShape& to, std::int64_t samples) {
  Geometry g;
  const auto to_int = [](std::int64_t value) { return static_cast<int>(value); };
  g.samples = to_int(samples);
  if (node.kind == LayerKind::kDense) {
    g.in = to_int(node.in);
    g.out = to_int(node.columns);
  } else {
    g.in_height = to_int(from.height);
    g.in_width = to_int(from.width);
    g.in = to_int(from.channels);
    g.out_height = to_int(node.pooled ? node.height : to.height);
    g.out_width = to_int(node.pooled ? node.width : to.width);
    g.out = to_int(to.channels);
    g.size = to_int(node.size);
    g.stride = to_int(node.stride);
    g.pad_top = to_int(node.pad_top);
    g.pad_left = to_int(node.pad_left);
    if (node.pooled) {
      g.pooled_height = to_int(to.height);
      g.pooled_width = to_int(to.width);
    }
  }
  g.set_dividers();
  return g;
}

}  // namespace

std::int64_t Plan::reserve(std::int64_t floats) {
  const std::int64_t offset = workspace_floats;
  workspace_floats += (floats + 63) / 64 * 64;
  return offset;
}

Plan::Plan(ImageShape input, const std::vector<LayerSpec>& layers, std::int64_t samples)
    : shape(input, layers), capacity(samples) {
  numbers = reserve(capacity);
  losses = reserve(capacity);
  correct = reserve(capacity);
  for (std::size_t i = 0; i < shape.images.size(); ++i) {
    const std::int64_t values = shape.images[i].values();
    check_count(capacity, values);
    const bool flattened = i > 0 && shape.nodes[i - 1].kind == LayerKind::kFlatten;
    activations.push_back(flattened ? activations.back() : reserve(capacity * values));
  }
  plan_gradients();
  std::int64_t largest_parts = 0, largest_bias = 0, most_channels = 0;
  for (std::size_t i = 0; i < shape.nodes.size(); ++i) {
    const NodeShape& node = shape.nodes[i];
    const ImageShape& to = shape.images[i + 1];
    // Before the 2x2 pooling a convolution has four times the values.
    check_count(capacity, node.height * node.width * std::max<std::int64_t>(node.columns, 1));
    geometries.push_back(geometry_of(node, shape.images[node.input], to, capacity));
    const bool chooses = node.pooled || node.kind == LayerKind::kMaxPool;
    positions.push_back(chooses ? reserve((capacity * to.values() + 3) / 4) : -1);
    norms.emplace_back();
    if (node.kind == LayerKind::kBatchNorm) {
      most_channels = std::max(most_channels, to.channels);
      NormPlan& norm = norms.back();
      for (std::int64_t* offset : {&norm.mean, &norm.factor, &norm.inverse, &norm.variance}) {
        *offset = reserve(to.channels);
      }
    }
    if (node.columns == 0) continue;
    const KSplit split = split_of(geometries.back());
    if (split.parts > 1) {
      largest_parts = std::max(largest_parts, split.parts * ((node.taps * node.in * node.columns + 63) / 64 * 64));
    }
    largest_bias = std::max(largest_bias, capacity * node.height * node.columns);
  }
  channel_sums = reserve(capacity * 2 * most_channels);
  mean_gradient = reserve(most_channels);
  slope = reserve(most_channels);
  weight_parts = reserve(largest_parts);
  bias_parts = reserve(largest_bias);
}

}  // namespace ganno::cuda

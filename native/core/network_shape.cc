#include "core/network_shape.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace ganno {

namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw std::invalid_argument(what);
}

std::int64_t output_size(std::int64_t input, std::int64_t size, std::int64_t stride, bool same) {
  if (same) return (input + stride - 1) / stride;
  return input < size ? 0 : (input - size) / stride + 1;
}

/// TensorFlow's SAME: what is missing is split in two, the odd one goes to the end.
std::int64_t padding_before(std::int64_t input, std::int64_t output, std::int64_t size, std::int64_t stride,
                            bool same) {
  return same ? std::max<std::int64_t>((output - 1) * stride + size - input, 0) / 2 : 0;
}

}  // namespace

NetworkShape::NetworkShape(ImageShape input, const std::vector<LayerSpec>& layers) {
  if (input.height < 1 || input.width < 1 || input.channels < 1) refuse("empty input");
  if (layers.empty() || layers.back().kind != LayerKind::kDense) refuse("the last layer must be dense");
  add_image(input.height, input.width, input.channels);
  add_nodes(layers);
}

void NetworkShape::add_image(std::int64_t height, std::int64_t width, std::int64_t channels) {
  if (height < 1 || width < 1) refuse("a window does not fit its input");
  constexpr std::int64_t kLimit = std::int64_t{1} << 31;
  if (channels < 1 || channels > kLimit || height * width > kLimit / channels) refuse("a layer is too large");
  images.push_back({height, width, channels});
}

void NetworkShape::add_nodes(const std::vector<LayerSpec>& layers) {
  bool dense = false;
  bool trainable = false;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const LayerSpec& layer = layers[i];
    const ImageShape from = images.back();
    NodeShape node;
    node.kind = layer.kind;
    node.activation = layer.activation;
    node.initializer = layer.initializer;
    node.size = layer.size;
    node.stride = layer.stride;
    node.rate = layer.rate;
    node.position = i;
    node.needs_input_gradient = trainable;
    switch (layer.kind) {
      case LayerKind::kDense:
        if (!dense) {
          // Channel padding inside an image would sit between the rows of the weights; the input itself has none.
          const bool padded = !from.is_vector() && from.channels % 16 != 0 && !nodes.empty();
          if (padded) {
            NodeShape flatten;
            flatten.kind = LayerKind::kFlatten;
            flatten.needs_input_gradient = trainable;
            nodes.push_back(flatten);
            add_image(1, 1, from.values());
          }
          dense_begin = nodes.size();
          dense = true;
        }
        node.in = from.values();
        node.columns = layer.units;
        add_image(1, 1, layer.units);
        break;
      case LayerKind::kConvolution: {
        if (dense) refuse("a convolution cannot follow a dense layer");
        node.taps = layer.size * layer.size;
        node.in = from.channels;
        node.columns = layer.units;
        node.height = output_size(from.height, layer.size, layer.stride, layer.same_padding);
        node.width = output_size(from.width, layer.size, layer.stride, layer.same_padding);
        if (node.height < 1 || node.width < 1) refuse("a convolution does not fit its input");
        node.pad_top = padding_before(from.height, node.height, layer.size, layer.stride, layer.same_padding);
        node.pad_left = padding_before(from.width, node.width, layer.size, layer.stride, layer.same_padding);
        if (i + 1 < layers.size() && layer.activation != Activation::kTanh) {
          const LayerSpec& next = layers[i + 1];
          const bool even = node.height % 2 == 0 && node.width % 2 == 0;
          node.pooled = next.kind == LayerKind::kMaxPool && next.size == 2 && next.stride == 2 &&
                        (even || !next.same_padding) && node.height >= 2 && node.width >= 2;
        }
        if (node.pooled) {
          add_image(node.height / 2, node.width / 2, layer.units);
          ++i;
        } else {
          add_image(node.height, node.width, layer.units);
        }
        break;
      }
      case LayerKind::kMaxPool:
      case LayerKind::kAveragePool: {
        if (dense) refuse("pooling cannot follow a dense layer");
        node.height = output_size(from.height, layer.size, layer.stride, layer.same_padding);
        node.width = output_size(from.width, layer.size, layer.stride, layer.same_padding);
        node.pad_top = padding_before(from.height, node.height, layer.size, layer.stride, layer.same_padding);
        node.pad_left = padding_before(from.width, node.width, layer.size, layer.stride, layer.same_padding);
        add_image(node.height, node.width, from.channels);
        break;
      }
      case LayerKind::kGlobalAveragePool:
        if (dense) refuse("pooling cannot follow a dense layer");
        add_image(1, 1, from.channels);
        break;
      case LayerKind::kDropout:
        if (!(layer.rate >= 0 && layer.rate < 1)) refuse("a dropout rate must lie in [0, 1)");
        add_image(from.height, from.width, from.channels);
        break;
      default:
        refuse("unknown layer kind");
    }
    if (node.columns > 0) {
      const std::uint64_t rows = static_cast<std::uint64_t>(node.taps * node.in);
      const std::uint64_t columns = static_cast<std::uint64_t>(node.columns);
      node.layer = static_cast<int>(table.add_layer("", {rows * columns, columns}));
      const LayerEntry& entry = table.layers().back();
      node.weights = table.arrays()[entry.first_array].offset;
      node.bias = table.arrays()[entry.first_array + 1].offset;
      if (!trainable) first_trainable = nodes.size();
      trainable = true;
    }
    nodes.push_back(node);
  }
}

}  // namespace ganno

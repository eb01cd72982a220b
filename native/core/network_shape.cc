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

/// Goes through the layers in order.
class NetworkShape::Builder {
 public:
  Builder(NetworkShape& shape, ImageShape input, const std::vector<LayerSpec>& layers)
      : shape_(shape), layers_(layers), output_of_(layers.size(), kHidden) {
    add_image(input.height, input.width, input.channels);
    trained_.push_back(false);
    for (std::size_t i = 0; i < layers.size();) i = add_layer(i);
    check_readers();
    for (std::size_t n = 0; n < shape.nodes.size(); ++n) shape.nodes[n].adds_input_gradient = is_not_last_reader(n);
  }

 private:
  static constexpr std::int64_t kHidden = -1;  // the output of a layer that is one node with the next

  void add_image(std::int64_t height, std::int64_t width, std::int64_t channels) {
    if (height < 1 || width < 1) refuse("a window does not fit its input");
    constexpr std::int64_t kLimit = std::int64_t{1} << 31;
    if (channels < 1 || channels > kLimit || height * width > kLimit / channels) refuse("a layer is too large");
    shape_.images.push_back({height, width, channels});
  }

  void add_node(const NodeShape& node, ImageShape to) {
    shape_.nodes.push_back(node);
    add_image(to.height, to.width, to.channels);
    trained_.push_back(node.columns > 0 || trained_[node.input]);
  }

  /// The image that a layer's `input` or `addend` names.
  std::size_t image_of(std::int64_t layer, std::size_t reader) const {
    if (layer == LayerSpec::kPrevious || layer == static_cast<std::int64_t>(reader) - 1) {
      return shape_.images.size() - 1;
    }
    if (layer == -1) return 0;
    if (layer < -1 || layer >= static_cast<std::int64_t>(reader)) refuse("a layer takes the output of a later one");
    const std::int64_t image = output_of_[static_cast<std::size_t>(layer)];
    if (image == kHidden) refuse("a layer takes an output that is nowhere");
    return static_cast<std::size_t>(image);
  }

  bool follows(std::size_t i, LayerKind kind) const {
    if (i + 1 >= layers_.size() || layers_[i + 1].kind != kind) return false;
    return layers_[i + 1].input == LayerSpec::kPrevious || layers_[i + 1].input == static_cast<std::int64_t>(i);
  }

  /// @return the number of the next layer: a node may cover two
  std::size_t add_layer(std::size_t i) {
    const LayerSpec& layer = layers_[i];
    NodeShape node;
    node.kind = layer.kind;
    node.activation = layer.activation;
    node.initializer = layer.initializer;
    node.size = layer.size;
    node.stride = layer.stride;
    node.rate = layer.rate;
    node.epsilon = layer.epsilon;
    node.position = i;
    node.input = image_of(layer.input, i);
    if (node.input + 1 != shape_.images.size() && layer.kind != LayerKind::kConvolution) {
      refuse("only a convolution can begin a branch");
    }
    if (dense_ && layer.kind != LayerKind::kDense && layer.kind != LayerKind::kDropout &&
        layer.kind != LayerKind::kBatchNorm) {
      refuse("a layer of images cannot follow a dense layer");
    }
    node.needs_input_gradient = trained_[node.input];
    const ImageShape from = shape_.images[node.input];
    ImageShape to = from;
    std::size_t last = i;
    switch (layer.kind) {
      case LayerKind::kDense:
        if (!dense_) begin_dense(node, from);
        node.in = from.values();
        node.columns = layer.units;
        to = {1, 1, layer.units};
        break;
      case LayerKind::kConvolution:
        slide(layer, from, &node);
        node.taps = layer.size * layer.size;
        node.in = from.channels;
        node.columns = layer.units;
        to = {node.height, node.width, layer.units};
        if (follows(i, LayerKind::kMaxPool) && layer.activation != Activation::kTanh) {
          const LayerSpec& next = layers_[i + 1];
          const bool even = node.height % 2 == 0 && node.width % 2 == 0;
          node.pooled =
              next.size == 2 && next.stride == 2 && (even || !next.same_padding) && node.height >= 2 && node.width >= 2;
        }
        if (node.pooled) {
          to = {node.height / 2, node.width / 2, layer.units};
          ++last;
        }
        break;
      case LayerKind::kMaxPool:
      case LayerKind::kAveragePool:
        slide(layer, from, &node);
        to = {node.height, node.width, from.channels};
        break;
      case LayerKind::kGlobalAveragePool:
        to = {1, 1, from.channels};
        break;
      case LayerKind::kDropout:
        if (!(layer.rate >= 0 && layer.rate < 1)) refuse("a dropout rate must lie in [0, 1)");
        break;
      case LayerKind::kBatchNorm:
        normalize(from, &node);
        if (layer.activation == Activation::kLinear && follows(i, LayerKind::kAdd)) {
          ++last;
          add_up(layers_[last], last, from, &node);
        }
        break;
      case LayerKind::kAdd:
        add_up(layer, i, from, &node);
        break;
      default:
        refuse("unknown layer kind");
    }
    if (node.columns > 0) add_weights(follows(i, LayerKind::kBatchNorm), &node);
    add_node(node, to);
    output_of_[last] = static_cast<std::int64_t>(shape_.images.size() - 1);
    return last + 1;
  }

  void begin_dense(NodeShape& node, ImageShape from) {
    // Channel padding inside an image would sit between the rows of the weights; the input itself has none.
    if (!from.is_vector() && from.channels % 16 != 0 && !shape_.nodes.empty()) {
      NodeShape flatten;
      flatten.kind = LayerKind::kFlatten;
      flatten.input = node.input;
      flatten.needs_input_gradient = node.needs_input_gradient;
      add_node(flatten, {1, 1, from.values()});
      node.input = shape_.images.size() - 1;
    }
    shape_.dense_begin = shape_.nodes.size();
    dense_ = true;
  }

  static void slide(const LayerSpec& layer, ImageShape from, NodeShape* node) {
    node->height = output_size(from.height, layer.size, layer.stride, layer.same_padding);
    node->width = output_size(from.width, layer.size, layer.stride, layer.same_padding);
    if (node->height < 1 || node->width < 1) refuse("a window does not fit its input");
    node->pad_top = padding_before(from.height, node->height, layer.size, layer.stride, layer.same_padding);
    node->pad_left = padding_before(from.width, node->width, layer.size, layer.stride, layer.same_padding);
  }

  void add_weights(bool normalized, NodeShape* node) {
    const auto rows = static_cast<std::uint64_t>(node->taps * node->in);
    const auto columns = static_cast<std::uint64_t>(node->columns);
    std::vector<std::uint64_t> arrays = {rows * columns, columns};
    if (normalized) arrays.push_back(columns);
    node->layer = static_cast<int>(shape_.table.add_layer("", arrays));
    const LayerEntry& entry = shape_.table.layers().back();
    node->weights = shape_.table.arrays()[entry.first_array].offset;
    node->bias = shape_.table.arrays()[entry.first_array + 1].offset;
    node->has_bias = !normalized;
    if (!trainable_) shape_.first_trainable = shape_.nodes.size();
    trainable_ = true;
  }

  /// Scale and shift are the second and third array of the layer before.
  void normalize(ImageShape from, NodeShape* node) {
    const bool fits = !shape_.nodes.empty() && shape_.nodes.back().columns > 0 && !shape_.nodes.back().pooled &&
                      shape_.nodes.back().activation == Activation::kLinear;
    if (!fits) refuse("a batch norm must follow a linear dense or convolution layer");
    if (!(node->epsilon > 0 && node->rate >= 0 && node->rate <= 1)) refuse("bad epsilon or momentum of a batch norm");
    const LayerEntry& entry = shape_.table.layers().back();
    node->scale = shape_.table.arrays()[entry.first_array + 1].offset;
    node->shift = shape_.table.arrays()[entry.first_array + 2].offset;
    node->running_mean = shape_.running_values;
    node->running_variance = shape_.running_values + from.channels;
    shape_.running_values += 2 * from.channels;
  }

  void add_up(const LayerSpec& layer, std::size_t number, ImageShape to, NodeShape* node) {
    if (layer.addend < 0) refuse("a sum needs two images");
    const std::size_t image = image_of(layer.addend, number);
    const ImageShape& from = shape_.images[image];
    if (from.height != to.height || from.width != to.width || from.channels != to.channels || image == node->input) {
      refuse("the images of a sum differ");
    }
    node->addend = static_cast<std::int64_t>(image);
    node->activation = layer.activation;
  }

  /// What back ends count on when gradients of branches meet: an image with several readers is added at most once, by
  /// the last of them, and the others are convolutions.
  void check_readers() const {
    std::vector<int> readers(shape_.images.size());
    for (const NodeShape& node : shape_.nodes) {
      ++readers[node.input];
      if (node.addend >= 0) ++readers[static_cast<std::size_t>(node.addend)];
    }
    for (std::size_t i = 0; i + 1 < readers.size(); ++i) {
      if (readers[i] == 0) refuse("nothing reads an image");
    }
    std::vector<bool> added(shape_.images.size());
    for (const NodeShape& node : shape_.nodes) {
      if (added[node.input]) refuse("an image is read after it was added");
      if (readers[node.input] > 1 && node.kind != LayerKind::kConvolution) refuse("only convolutions can branch");
      if (node.addend < 0) continue;
      const auto image = static_cast<std::size_t>(node.addend);
      if (added[image] || image == 0) refuse("an image is added twice, or is the network's input");
      added[image] = true;
    }
  }

  bool is_not_last_reader(std::size_t index) const {
    const NodeShape& node = shape_.nodes[index];
    if (node.kind != LayerKind::kConvolution || !node.needs_input_gradient) return false;
    const auto image = static_cast<std::int64_t>(node.input);
    return std::any_of(shape_.nodes.begin() + static_cast<std::ptrdiff_t>(index) + 1, shape_.nodes.end(),
                       [&](const NodeShape& other) { return other.input == node.input || other.addend == image; });
  }

  NetworkShape& shape_;
  const std::vector<LayerSpec>& layers_;
  std::vector<std::int64_t> output_of_;  // per layer: its image
  std::vector<bool> trained_;            // per image: whether weights lie before it
  bool dense_ = false, trainable_ = false;
};

NetworkShape::NetworkShape(ImageShape input, const std::vector<LayerSpec>& layers) {
  if (input.height < 1 || input.width < 1 || input.channels < 1) refuse("empty input");
  if (layers.empty() || layers.back().kind != LayerKind::kDense) refuse("the last layer must be dense");
  Builder(*this, input, layers);
}

bool NetworkShape::is_plain_chain() const {
  return std::none_of(nodes.begin(), nodes.end(), [](const NodeShape& node) {
    return node.kind == LayerKind::kBatchNorm || node.kind == LayerKind::kAdd;
  });
}

}  // namespace ganno

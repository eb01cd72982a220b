#include "cuda/network/pass.h"

#include <algorithm>

#include "cuda/network/library_product.h"

namespace ganno::cuda {

namespace {

template <typename Element>
PerNetwork<const Element> constant(PerNetwork<Element> array) {
  return {array.data, array.stride};
}

}  // namespace

PerNetwork<const float> Pass::parameters(const Batch& batch, std::uint64_t offset) const {
  const std::int64_t stride = plan_.arena_floats();
  return {memory_.parameters + batch.first * stride + static_cast<std::int64_t>(offset), stride};
}

PerNetwork<std::uint8_t> Pass::positions(std::size_t node) const {
  if (plan_.positions[node] < 0) return {};
  return {reinterpret_cast<std::uint8_t*>(memory_.workspace + plan_.positions[node]),
          plan_.workspace_floats * static_cast<std::int64_t>(sizeof(float))};
}

/// Whether a node's output is its input, in the same memory.
bool Pass::passes_through(std::size_t node, const Batch& batch) const {
  const LayerKind kind = plan_.shape.nodes[node].kind;
  return kind == LayerKind::kFlatten || (kind == LayerKind::kDropout && !batch.training);
}

/// The image that holds the values of `image`.
std::size_t Pass::source_of(std::size_t image, const Batch& batch) const {
  while (image > 0 && passes_through(image - 1, batch)) image = plan_.shape.nodes[image - 1].input;
  return image;
}

/// Through which activation an image's values have come, so that whoever writes its gradient goes back through it.
/// Fused pooling has its own way (positions).
Activation Pass::activation_of(std::size_t image, const Batch& batch) const {
  const std::size_t source = source_of(image, batch);
  if (source == 0 || plan_.deferred[source]) return Activation::kLinear;
  const NodeShape& node = plan_.shape.nodes[source - 1];
  return node.columns > 0 && !node.pooled ? node.activation : Activation::kLinear;
}

Product Pass::product(std::size_t index, const Batch& batch) const {
  const NodeShape& node = plan_.shape.nodes[index];
  Product product;
  product.geometry = plan_.geometries[index];
  product.geometry.samples = static_cast<int>(batch.samples);
  product.active = batch.training ? batch.progress.active : nullptr;
  product.input = constant(activations(node.input, batch));
  product.weights = parameters(batch, node.weights);
  if (node.has_bias) product.bias = parameters(batch, node.bias);
  product.positions = constant(positions(index));
  product.activation = node.activation;
  product.precision = memory_.precision;
  return product;
}

Pooling Pass::pooling(std::size_t index, const Batch& batch) const {
  const NodeShape& node = plan_.shape.nodes[index];
  Pooling pooling;
  pooling.active = batch.training ? batch.progress.active : nullptr;
  pooling.geometry = plan_.geometries[index];
  pooling.geometry.samples = static_cast<int>(batch.samples);
  pooling.window = pooling.geometry.size;
  pooling.maximum = node.kind == LayerKind::kMaxPool;
  if (node.kind == LayerKind::kGlobalAveragePool) {
    pooling.window = std::max(pooling.geometry.in_height, pooling.geometry.in_width);
  }
  pooling.input = constant(activations(node.input, batch));
  pooling.output = activations(index + 1, batch);
  pooling.positions = positions(index);
  return pooling;
}

Dropout Pass::dropout(std::size_t index, const Batch& batch) const {
  const NodeShape& node = plan_.shape.nodes[index];
  Dropout dropout;
  dropout.progress = batch.progress;
  dropout.position = node.position;
  dropout.threshold = static_cast<std::uint32_t>(node.rate * 0x1p32);
  dropout.scale = static_cast<float>(1 / (1 - node.rate));
  dropout.samples = batch.samples;
  const std::int64_t values = plan_.shape.images[node.input].values();
  dropout.values = static_cast<std::uint32_t>(values);
  dropout.by_blocks = Divider((values + 3) / 4);
  return dropout;
}

void Pass::forward(const Stream& stream, const Batch& batch, bool gradient) const {
  const ImageShape input = plan_.shape.input();
  Gather gather;
  gather.active = batch.training ? batch.progress.active : nullptr;
  gather.images = memory_.images;
  gather.scale = memory_.scale;
  gather.shift = memory_.shift;
  gather.numbers = batch.numbers;
  gather.out = activations(0, batch);
  gather.samples = batch.samples;
  gather.by_values = Divider(input.values());
  gather.by_channels = Divider(input.channels);
  launch_gather(stream, batch.networks, gather);
  for (std::size_t index = 0; index < plan_.shape.nodes.size(); ++index) {
    if (passes_through(index, batch)) continue;
    switch (plan_.shape.nodes[index].kind) {
      case LayerKind::kDense:
      case LayerKind::kConvolution: {
        Product forward = product(index, batch);
        forward.out = activations(index + 1, batch);
        forward.out_positions = positions(index);
        forward_product(memory_.cublas, stream, batch.networks, forward);
        break;
      }
      case LayerKind::kMaxPool:
      case LayerKind::kAveragePool:
      case LayerKind::kGlobalAveragePool:
        launch_pool(stream, batch.networks, pooling(index, batch));
        break;
      case LayerKind::kDropout: {
        Dropout drop = dropout(index, batch);
        drop.from = constant(activations(plan_.shape.nodes[index].input, batch));
        drop.to = activations(index + 1, batch);
        launch_dropout(stream, batch.networks, drop);
        break;
      }
      case LayerKind::kBatchNorm:
        forward_norm(stream, index, batch);
        break;
      case LayerKind::kAdd:
        forward_add(stream, index, batch);
        break;
      case LayerKind::kFlatten:
        break;
    }
  }
  SoftmaxLoss loss;
  loss.active = gather.active;
  loss.logits = constant(logits());
  loss.numbers = batch.numbers;
  loss.labels = memory_.labels;
  loss.losses = losses();
  loss.correct = correct();
  if (gradient) loss.gradient = gradient_of(plan_.shape.nodes.size(), batch);
  loss.samples = batch.samples;
  loss.classes = static_cast<std::uint32_t>(plan_.shape.classes());
  launch_softmax_loss(stream, batch.networks, loss);
}

void Pass::weight_gradients(const Stream& stream, std::size_t index, const Batch& batch,
                            PerNetwork<const float> gradient) const {
  const NodeShape& node = plan_.shape.nodes[index];
  Product weights = product(index, batch);
  const Geometry& g = weights.geometry;
  const KSplit split = split_of(g);
  const std::int64_t size = node.taps * node.in * node.columns;
  weights.output_gradient = gradient;
  weights.part_samples = split.part_samples;
  weights.part_stride = (size + 63) / 64 * 64;
  weights.out = split.parts > 1 ? workspace(plan_.weight_parts) : gradients(node.weights);
  weight_gradient_product(memory_.cublas, stream, batch.networks, weights);
  if (split.parts > 1) {
    launch_fold_parts(stream, batch.networks,
                      {weights.active, constant(weights.out), gradients(node.weights), weights.part_stride,
                       static_cast<std::uint32_t>(split.parts), static_cast<std::uint32_t>(size)});
  }
  if (!node.has_bias) return;
  BiasGradient bias;
  bias.active = weights.active;
  bias.gradient = gradient;
  bias.partial = workspace(plan_.bias_parts);
  bias.out = gradients(node.bias);
  bias.columns = static_cast<std::uint32_t>(node.columns);
  bias.by_columns = Divider(node.columns);
  if (node.kind == LayerKind::kDense) {
    bias.groups = 1;
    bias.length = batch.samples;
  } else if (node.pooled) {
    bias.groups = batch.samples;
    bias.length = static_cast<std::uint32_t>(g.pooled_pixels());
    bias.positions = weights.positions;
  } else {
    bias.groups = batch.samples * static_cast<std::uint32_t>(g.out_height);
    bias.length = static_cast<std::uint32_t>(g.out_width);
  }
  launch_bias_gradient(stream, batch.networks, bias);
}

void Pass::input_gradient(const Stream& stream, std::size_t index, const Batch& batch, PerNetwork<const float> gradient,
                          PerNetwork<float> target) const {
  const NodeShape& node = plan_.shape.nodes[index];
  const Activation below = activation_of(node.input, batch);
  switch (node.kind) {
    case LayerKind::kDense:
    case LayerKind::kConvolution: {
      Product input = product(index, batch);
      input.output_gradient = gradient;
      input.activation = below;
      input.accumulates = node.adds_input_gradient;
      input.out = target;
      input_gradient_product(memory_.cublas, stream, batch.networks, input);
      break;
    }
    case LayerKind::kMaxPool:
    case LayerKind::kAveragePool:
    case LayerKind::kGlobalAveragePool: {
      Pooling pool = pooling(index, batch);
      pool.output_gradient = gradient;
      pool.input_gradient = target;
      pool.activation = below;
      launch_pool_gradient(stream, batch.networks, pool);
      break;
    }
    case LayerKind::kDropout: {
      Dropout drop = dropout(index, batch);
      drop.from = gradient;
      drop.to = target;
      drop.below = constant(activations(node.input, batch));
      drop.activation = below;
      launch_dropout(stream, batch.networks, drop);
      break;
    }
    case LayerKind::kBatchNorm: {
      BatchNorm norm = batch_norm(index, batch);
      norm.input_gradient = target;
      launch_normalize_gradient(stream, batch.networks, norm);
      break;
    }
    case LayerKind::kAdd:
      backward_add(stream, index, batch);
      break;
    case LayerKind::kFlatten:
      break;
  }
}

void Pass::backward(const Stream& stream, const Batch& batch) const {
  for (std::size_t index = plan_.shape.nodes.size(); index-- > plan_.shape.first_trainable;) {
    if (passes_through(index, batch)) continue;
    const NodeShape& node = plan_.shape.nodes[index];
    const PerNetwork<const float> gradient = constant(gradient_of(index + 1, batch));
    if (node.columns > 0) {
      undo_deferred_activation(stream, index, batch);
      weight_gradients(stream, index, batch, gradient);
    }
    if (!node.needs_input_gradient) continue;
    input_gradient(stream, index, batch, gradient, gradient_of(node.input, batch));
  }
}

}  // namespace ganno::cuda

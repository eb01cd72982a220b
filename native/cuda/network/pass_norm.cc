// The part of Pass that batch norm and residual blocks take.
#include "cuda/network/pass.h"

namespace ganno::cuda {

namespace {

PerNetwork<const float> constant(PerNetwork<float> array) {
  return {array.data, array.stride};
}

}  // namespace

BatchNorm Pass::batch_norm(std::size_t index, const Batch& batch) const {
  const NodeShape& node = plan_.shape.nodes[index];
  const NormPlan& plan = plan_.norms[index];
  const ImageShape& image = plan_.shape.images[node.input];
  BatchNorm norm;
  norm.active = batch.training ? batch.progress.active : nullptr;
  norm.samples = batch.samples;
  norm.rows = static_cast<std::uint32_t>(image.height);
  norm.pixels = static_cast<std::uint32_t>(image.width);
  norm.channels = static_cast<std::uint32_t>(image.channels);
  norm.epsilon = node.epsilon;
  norm.momentum = node.rate;
  norm.activation = node.activation;
  norm.input = constant(activations(node.input, batch));
  if (node.addend >= 0) norm.addend = constant(activations(static_cast<std::size_t>(node.addend), batch));
  norm.output = activations(index + 1, batch);
  norm.scale = parameters(batch, node.scale);
  norm.shift = parameters(batch, node.shift);
  norm.mean = workspace(plan.mean);
  norm.factor = workspace(plan.factor);
  norm.inverse = workspace(plan.inverse);
  norm.variance = workspace(plan.variance);
  const std::int64_t stride = plan_.shape.running_values;
  float* running = memory_.running + batch.first * stride;
  norm.running_mean = {running + node.running_mean, stride};
  norm.running_variance = {running + node.running_variance, stride};
  norm.sums = workspace(plan_.channel_sums);
  norm.mean_gradient = workspace(plan_.mean_gradient);
  norm.slope = workspace(plan_.slope);
  norm.scale_gradient = gradients(node.scale);
  norm.shift_gradient = gradients(node.shift);
  if (plan_.gradients[index + 1] >= 0) norm.gradient = gradient_of(index + 1, batch);
  return norm;
}

void Pass::forward_norm(const Stream& stream, std::size_t index, const Batch& batch) const {
  const BatchNorm norm = batch_norm(index, batch);
  if (batch.batch_statistics) {
    launch_batch_moments(stream, batch.networks, norm);
  } else {
    launch_running_moments(stream, batch.networks, norm);
  }
  launch_normalize(stream, batch.networks, norm);
}

void Pass::update_running(const Stream& stream, const Batch& batch) const {
  for (std::size_t index = 0; index < plan_.shape.nodes.size(); ++index) {
    if (plan_.shape.nodes[index].kind != LayerKind::kBatchNorm) continue;
    launch_update_running(stream, batch.networks, batch_norm(index, batch), batch.progress);
  }
}

void Pass::forward_add(const Stream& stream, std::size_t index, const Batch& batch) const {
  const NodeShape& node = plan_.shape.nodes[index];
  AddImages add;
  add.active = batch.training ? batch.progress.active : nullptr;
  add.a = constant(activations(node.input, batch));
  add.b = constant(activations(static_cast<std::size_t>(node.addend), batch));
  add.output = activations(index + 1, batch);
  add.activation = node.activation;
  add.values = batch.samples * static_cast<std::uint64_t>(plan_.shape.images[index + 1].values());
  launch_add_images(stream, batch.networks, add);
}

/// The addend's gradient is the sum's own, in the same memory; the branch gets a copy.
void Pass::backward_add(const Stream& stream, std::size_t index, const Batch& batch) const {
  const NodeShape& node = plan_.shape.nodes[index];
  ThroughActivation through;
  through.active = batch.training ? batch.progress.active : nullptr;
  through.activation = node.activation;
  through.output = constant(activations(index + 1, batch));
  through.gradient = gradient_of(index + 1, batch);
  through.copy = gradient_of(node.input, batch);
  through.below = activation_of(node.input, batch);
  through.below_output = constant(activations(node.input, batch));
  through.values = batch.samples * static_cast<std::uint64_t>(plan_.shape.images[index + 1].values());
  launch_through_activation(stream, batch.networks, through);
}

/// Where several nodes have written the gradient of a node's output, none of them went back through its activation.
void Pass::undo_deferred_activation(const Stream& stream, std::size_t index, const Batch& batch) const {
  const NodeShape& node = plan_.shape.nodes[index];
  if (!plan_.deferred[index + 1] || node.pooled || node.activation == Activation::kLinear) return;
  ThroughActivation through;
  through.active = batch.training ? batch.progress.active : nullptr;
  through.activation = node.activation;
  through.output = constant(activations(index + 1, batch));
  through.gradient = gradient_of(index + 1, batch);
  through.values = batch.samples * static_cast<std::uint64_t>(plan_.shape.images[index + 1].values());
  launch_through_activation(stream, batch.networks, through);
}

}  // namespace ganno::cuda

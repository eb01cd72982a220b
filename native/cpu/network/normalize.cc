// The part of Pass that batch norm and residual sums take: sums over each sample, folds over the batch, and what is
// done to every sample with the result.
#include <cmath>
#include <cstring>

#include "core/batch_norm.h"
#include "cpu/network/pass.h"

namespace ganno {

namespace {

std::int64_t row_values(const Tensor& tensor) {
  return tensor.width * pad16(tensor.channels);
}

}  // namespace

NormalizedImage Pass::normalized_image(std::size_t index, const float* parameters, std::int64_t sample) const {
  const Node& node = plan_.nodes[index];
  const Tensor& from = plan_.tensors[node.input];
  NormalizedImage image{};
  image.rows = from.height;
  image.pixels = from.width;
  image.channels = pad16(from.channels);
  image.input = this->image(from, sample);
  image.row = from.row;
  image.mean = at(node.mean);
  image.factor = at(node.factor);
  image.shift = parameters + node.shift;  // the arena's padding behind it is zero
  image.activation = node.activation;
  return image;
}

void Pass::use_running(const float* running, const float* parameters) {
  for (const Node& node : plan_.nodes) {
    if (node.kind != LayerKind::kBatchNorm) continue;
    for (std::int64_t c = 0; c < plan_.tensors[node.input].channels; ++c) {
      const float inverse = running_inverse_deviation(running[node.running_variance + c], node.epsilon);
      at(node.mean)[c] = running[node.running_mean + c];
      at(node.factor)[c] = (parameters + node.scale)[c] * inverse;
    }
  }
}

void Pass::sum_channels(std::size_t index, std::int64_t sample) {
  const NormalizedImage image = normalized_image(index, nullptr, sample);
  float* sums = at(plan_.channel_sums) + sample * plan_.channel_sums_sample;
  kernels_.channel_moments(image, sums, sums + image.channels);
}

void Pass::fold_channels(std::size_t index, const float* parameters, std::int64_t count) {
  const Node& node = plan_.nodes[index];
  const Tensor& from = plan_.tensors[node.input];
  const float* sums = at(plan_.channel_sums);
  const BatchExtent extent(count, from.height * from.width);
  for (std::int64_t c = 0; c < from.channels; ++c) {
    const ChannelMoments moments =
        fold_moments(sums + c, sums + pad16(from.channels) + c, plan_.channel_sums_sample, extent, node.epsilon);
    at(node.mean)[c] = moments.mean;
    at(node.inverse)[c] = moments.inverse_deviation;
    at(node.variance)[c] = moments.variance;
    at(node.factor)[c] = (parameters + node.scale)[c] * moments.inverse_deviation;
  }
}

bool Pass::update_running(float* running) const {
  bool finite = true;
  for (const Node& node : plan_.nodes) {
    if (node.kind != LayerKind::kBatchNorm) continue;
    for (std::int64_t c = 0; c < plan_.tensors[node.input].channels; ++c) {
      float& mean = running[node.running_mean + c];
      float& variance = running[node.running_variance + c];
      mean = updated_running(mean, at(node.mean)[c], node.rate);
      variance = updated_running(variance, at(node.variance)[c], node.rate);
      finite = finite && std::isfinite(mean) && std::isfinite(variance);
    }
  }
  return finite;
}

void Pass::normalize(std::size_t index, const float* parameters, std::int64_t sample) {
  const Node& node = plan_.nodes[index];
  const Tensor& to = plan_.tensors[index + 1];
  const Tensor* other = node.addend < 0 ? nullptr : &plan_.tensors[static_cast<std::size_t>(node.addend)];
  kernels_.normalize(normalized_image(index, parameters, sample), other == nullptr ? nullptr : image(*other, sample),
                     other == nullptr ? 0 : other->row, image(to, sample), to.row);
}

void Pass::sum_gradient(std::size_t index, const float* parameters, std::int64_t sample) {
  const Tensor& to = plan_.tensors[index + 1];
  const NormalizedImage image = normalized_image(index, parameters, sample);
  float* sums = at(plan_.channel_sums) + sample * plan_.channel_sums_sample;
  kernels_.normalize_sums(image, this->image(to, sample), to.row, gradient(to, sample), row_values(to), sums,
                          sums + image.channels);
}

void Pass::fold_gradient_sums(std::size_t index, std::int64_t count) {
  const Node& node = plan_.nodes[index];
  const Tensor& from = plan_.tensors[node.input];
  const float* sums = at(plan_.channel_sums);
  const BatchExtent extent(count, from.height * from.width);
  for (std::int64_t c = 0; c < from.channels; ++c) {
    const ChannelGradient folded = fold_gradient(sums + c, sums + pad16(from.channels) + c, plan_.channel_sums_sample,
                                                 extent, at(node.inverse)[c]);
    (at(plan_.gradients) + node.shift)[c] = folded.shift;
    (at(plan_.gradients) + node.scale)[c] = folded.scale;
    at(plan_.mean_gradient)[c] = folded.mean_gradient;
    at(plan_.slope)[c] = folded.slope;
  }
}

void Pass::unnormalize(std::size_t index, const float* parameters, std::int64_t sample, float* target,
                       std::int64_t target_row) {
  const Tensor& to = plan_.tensors[index + 1];
  kernels_.normalize_gradient(normalized_image(index, parameters, sample), gradient(to, sample), row_values(to),
                              at(plan_.mean_gradient), at(plan_.slope), target, target_row);
}

void Pass::forward_add(std::size_t index, std::int64_t sample) {
  const Node& node = plan_.nodes[index];
  const Tensor& from = plan_.tensors[node.input];
  const Tensor& other = plan_.tensors[static_cast<std::size_t>(node.addend)];
  const Tensor& to = plan_.tensors[index + 1];
  kernels_.add_images(node.activation, image(from, sample), from.row, image(other, sample), other.row,
                      image(to, sample), to.row, to.height, row_values(to));
}

void Pass::backward_add(std::size_t index, std::int64_t sample) {
  // The addend's gradient is the sum's own, in the same memory; the branch gets a copy, which it may change in place.
  const Node& node = plan_.nodes[index];
  const Tensor& to = plan_.tensors[index + 1];
  float* both = gradient(to, sample);
  kernels_.activation_gradient(node.activation, image(to, sample), to.row, both, row_values(to), both, row_values(to),
                               to.height, row_values(to));
  std::memcpy(gradient(plan_.tensors[node.input], sample), both,
              static_cast<std::size_t>(to.padded_values()) * sizeof(float));
}

}  // namespace ganno

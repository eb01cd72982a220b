#pragma once
// The forward and backward pass of one network over one batch, in one thread's workspace.
#include <cstdint>

#include "core/population.h"
#include "cpu/network/aligned_buffer.h"
#include "cpu/network/plan.h"

namespace ganno {

/// Dropout's random numbers of one step; without a seed dropout is the identity.
struct DropoutKey {
  bool active = false;
  std::uint32_t seed = 0;
  std::uint32_t stream = 0;
  std::uint64_t sub = 0;  // step * 256; the layer's position in the specification is added
};

/// One thread's memory, and the pass that uses it. Holds nothing between batches.
class Pass {
 public:
  /// @param mean, standard_deviation [channels], of pixel / 255
  Pass(const NetworkPlan& plan, Tier tier, const double* mean, const double* standard_deviation);

  /// Lays out the weights for the products: once after they changed.
  /// @param gradients also what backward needs
  void prepare(const float* parameters, bool gradients);

  /// Runs `count` images, by number, through the network; labels and logits stay in the workspace.
  /// @param running the running statistics that batch norms use; null: they use the batch's own
  void forward(const float* parameters, const float* running, const ImageSource& source, const std::uint32_t* images,
               std::int64_t count, const DropoutKey& dropout);

  /// Mean loss over the batch, number of correct answers; with `gradient` the logits' gradient too.
  struct Score {
    double loss_sum = 0;
    std::int64_t correct = 0;
  };
  Score score(std::int64_t count, bool gradient);

  /// Gradients of the mean loss, after forward with the batch's own statistics and score(count, true), into the
  /// gradient arena.
  void backward(const float* parameters, std::int64_t count);

  /// Takes the batch's statistics up into the running ones. @return false when one of them stopped being finite
  bool update_running(float* running) const;

  const float* gradients() const { return at(plan_.gradients); }
  /// Logits of sample i: classes() floats.
  const float* logits(std::int64_t i) const {
    return at(plan_.tensors.back().buffer) + i * plan_.tensors.back().sample;
  }

 private:
  float* at(std::size_t offset) const { return memory_.data() + offset; }
  std::uint8_t* bytes(std::size_t offset) const { return reinterpret_cast<std::uint8_t*>(memory_.data() + offset); }
  const float* weights(const Node& node, const float* parameters) const {
    return node.columns == node.padded ? parameters + node.weights : at(node.packed_weights);
  }
  float* weight_gradient(const Node& node) const {
    return at(node.columns == node.padded ? plan_.gradients + node.weights : node.packed_gradient);
  }

  void forward_sample(std::size_t index, const float* parameters, std::int64_t sample, const DropoutKey& dropout);
  void forward_convolution(std::size_t index, const float* parameters, std::int64_t sample);
  void forward_dense(std::size_t index, const float* parameters, std::int64_t count);
  void forward_vectors(std::size_t index, const float* parameters, bool batch_statistics, std::int64_t count,
                       const DropoutKey& dropout);
  void forward_dropout(std::size_t index, std::int64_t sample, const DropoutKey& dropout);
  void backward_dense(std::size_t index, const float* parameters, std::int64_t count);
  void backward_vectors(std::size_t index, const float* parameters, std::int64_t count);
  void backward_sample(std::size_t index, const float* parameters, std::int64_t sample);
  void backward_convolution(std::size_t index, std::int64_t sample);
  void backward_dropout(std::size_t index, const float* gradient, std::int64_t gradient_row, float* target,
                        std::int64_t target_row, std::int64_t sample);

  // Batch norm and sums: normalize.cc.
  NormalizedImage normalized_image(std::size_t index, const float* parameters, std::int64_t sample) const;
  void use_running(const float* running, const float* parameters);
  void sum_channels(std::size_t index, std::int64_t sample);
  void fold_channels(std::size_t index, const float* parameters, std::int64_t count);
  void normalize(std::size_t index, const float* parameters, std::int64_t sample);
  void sum_gradient(std::size_t index, const float* parameters, std::int64_t sample);
  void fold_gradient_sums(std::size_t index, std::int64_t count);
  void unnormalize(std::size_t index, const float* parameters, std::int64_t sample, float* target,
                   std::int64_t target_row);
  void forward_add(std::size_t index, std::int64_t sample);
  void backward_add(std::size_t index, std::int64_t sample);

  float* image(const Tensor& tensor, std::int64_t sample) const {
    return at(tensor.buffer) + sample * tensor.sample + tensor.origin;
  }
  float* gradient(const Tensor& tensor, std::int64_t sample) const {
    return at(tensor.gradient) + sample * tensor.gradient_sample;
  }

  const NetworkPlan& plan_;
  const NetworkKernels& kernels_;
  AlignedBuffer memory_;
  bool dropout_active_ = false;
};

}  // namespace ganno

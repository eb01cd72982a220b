#pragma once
// The forward and backward pass of the networks of a wave over a batch each: a sequence of launches.
#include <cstdint>

#include "core/population.h"
#include "cuda/cublas.h"
#include "cuda/device.h"
#include "cuda/network/batch_norm.h"
#include "cuda/network/layers.h"
#include "cuda/network/plan.h"
#include "cuda/network/state.h"

namespace ganno::cuda {

/// Device memory that a pass reads and works in.
struct PassMemory {
  float* workspace = nullptr;         // [wave][Plan::workspace_floats]
  float* gradients = nullptr;         // [wave][arena]
  const float* parameters = nullptr;  // [networks][arena]
  float* running = nullptr;           // [networks][running values]
  const std::uint8_t* images = nullptr;
  const std::uint8_t* labels = nullptr;
  const float* scale = nullptr;  // [channels], see Gather
  const float* shift = nullptr;
  Precision precision = Precision::kFloat32;  // of the products
  const Cublas* cublas = nullptr;             // for products that it takes; may be null
};

/// One batch of every network of a wave.
struct Batch {
  std::uint32_t first = 0, networks = 0;  // the wave
  std::uint32_t samples = 0;
  PerNetwork<const std::uint32_t> numbers;  // image numbers [samples]
  bool training = false;                    // dropout on, inactive networks left out
  bool batch_statistics = false;            // batch norms use the batch's own instead of the running ones
  Progress progress;                        // of the wave, when training
};

class Pass {
 public:
  Pass(const Plan& plan, const PassMemory& memory) : plan_(plan), memory_(memory) {}

  /// Images to logits, losses and correct answers; with `gradient` the logits' gradient too.
  void forward(const Stream& stream, const Batch& batch, bool gradient) const;
  /// After forward(.., true): gradients of the mean loss into the gradient arenas.
  void backward(const Stream& stream, const Batch& batch) const;
  /// After a training step: takes the batch's statistics up into the running ones.
  void update_running(const Stream& stream, const Batch& batch) const;

  PerNetwork<float> workspace(std::int64_t offset) const {
    return {memory_.workspace + offset, plan_.workspace_floats};
  }
  PerNetwork<std::uint32_t> workspace_words(std::int64_t offset) const {
    return {reinterpret_cast<std::uint32_t*>(memory_.workspace + offset), plan_.workspace_floats};
  }
  PerNetwork<float> logits() const { return workspace(plan_.activations.back()); }
  PerNetwork<float> gradients(std::uint64_t offset = 0) const {
    return {memory_.gradients + offset, plan_.arena_floats()};
  }
  PerNetwork<float> losses() const { return workspace(plan_.losses); }
  PerNetwork<std::uint32_t> correct() const { return workspace_words(plan_.correct); }
  PerNetwork<std::uint32_t> numbers() const { return workspace_words(plan_.numbers); }

 private:
  PerNetwork<const float> parameters(const Batch& batch, std::uint64_t offset) const;
  PerNetwork<std::uint8_t> positions(std::size_t node) const;
  bool passes_through(std::size_t node, const Batch& batch) const;
  std::size_t source_of(std::size_t image, const Batch& batch) const;
  Activation activation_of(std::size_t image, const Batch& batch) const;
  PerNetwork<float> activations(std::size_t image, const Batch& batch) const {
    return workspace(plan_.activations[source_of(image, batch)]);
  }
  /// Where the gradient of an image lies.
  PerNetwork<float> gradient_of(std::size_t image, const Batch& batch) const {
    return workspace(plan_.gradients[source_of(image, batch)]);
  }
  BatchNorm batch_norm(std::size_t index, const Batch& batch) const;
  void forward_norm(const Stream& stream, std::size_t index, const Batch& batch) const;
  void forward_add(const Stream& stream, std::size_t index, const Batch& batch) const;
  void backward_add(const Stream& stream, std::size_t index, const Batch& batch) const;
  void undo_deferred_activation(const Stream& stream, std::size_t index, const Batch& batch) const;
  Product product(std::size_t index, const Batch& batch) const;
  Pooling pooling(std::size_t index, const Batch& batch) const;
  Dropout dropout(std::size_t index, const Batch& batch) const;
  void weight_gradients(const Stream& stream, std::size_t index, const Batch& batch,
                        PerNetwork<const float> gradient) const;
  void input_gradient(const Stream& stream, std::size_t index, const Batch& batch, PerNetwork<const float> gradient,
                      PerNetwork<float> target) const;

  const Plan& plan_;
  PassMemory memory_;
};

}  // namespace ganno::cuda

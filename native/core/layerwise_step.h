#pragma once
// One optimiser step over the layers of a network whose arrays belong to somebody else: moments, step counters,
// non-finite policies. Knows nothing of Node. Two kinds: CpuStep (cpu/layerwise_step.h) and the one of a GPU
// (cuda/layerwise_step.h).
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include "core/optimizer_rule.h"

namespace ganno {

enum class Tier;  // cpu/tier.h

/// A parameter array and its gradient. Both stay the caller's.
struct ArrayBinding {
  float* parameters;
  const float* gradients;
  std::uint64_t size;
  bool decays = true;  // whether weight decay applies
};

struct LayerwiseOptions {
  Algorithm algorithm = Algorithm::kSgd;
  Hyperparameters hyperparameters;
  NonFinitePolicy non_finite = NonFinitePolicy::kSkipElement;
  double clip_layer_norm = 0;   // 0: no clipping
  double clip_global_norm = 0;  // 0: no clipping
  bool flush_denormals = false;

  // --- on the CPU ---
  int threads = 1;
  Tier tier{};  // the lowest

  // --- on a GPU ---
  std::optional<int> device;  // none: the CPU
  /// true: parameters and gradients stay on the device, and are copied by upload() and download() alone. false: every
  /// step copies parameters and gradients to the device and parameters back.
  bool resident = false;
};

class LayerwiseStep {
 public:
  virtual ~LayerwiseStep() = default;

  virtual std::size_t layer_count() const = 0;
  virtual std::size_t array_count() const = 0;
  /// Host memory held, in bytes.
  virtual std::uint64_t bytes() const = 0;

  /// @param controls [layers x kControlCount]
  /// @param statistics [layers x kStepStatisticCount], or null
  /// @param store false: write statistics of the step that would be taken, change nothing
  virtual void step(std::span<const double> controls, float inverse_scale, float* statistics, bool store) = 0;

  /// For benchmarks: `count` steps queued one after another, nothing copied between the host and the device.
  /// @param with_statistics whether they are computed; they stay on the device
  /// @returns the device's own seconds. @throws std::invalid_argument where the step is not computed on a device
  virtual double timed_steps(std::span<const double> /*controls*/, float /*inverse_scale*/, bool /*with_statistics*/,
                             std::uint32_t /*count*/) {
    throw std::invalid_argument("only the steps of a CUDA device can be timed on it");
  }

  /// [arrays]: steps each has taken; those of a skipped layer do not count one.
  virtual std::vector<std::uint64_t> steps() const = 0;
  /// For whoever restores a state.
  virtual void write_steps(std::span<const std::uint64_t> steps) = 0;
  /// @param which 0 or 1. @throws std::invalid_argument when there is no such array or moment, or its size differs
  virtual void read_moment(std::size_t array, int which, std::span<float> out) const = 0;
  virtual void write_moment(std::size_t array, int which, std::span<const float> values) = 0;

  /// Copies registered arrays to where steps are computed, and parameters back. Nothing to do where that is the arrays
  /// themselves.
  virtual void upload(bool /*parameters*/, bool /*gradients*/) {}
  virtual void download() {}
};

}  // namespace ganno

#pragma once
// What native/node needs of whoever steps registered arrays: the CPU (cpu/layerwise_step.h) or a GPU
// (cuda/layerwise_step.h).
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>

namespace ganno {

class LayerwiseEngine {
 public:
  virtual ~LayerwiseEngine() = default;

  virtual std::size_t layer_count() const = 0;
  virtual std::size_t array_count() const = 0;
  /// Host memory held, in bytes.
  virtual std::uint64_t bytes() const = 0;

  /// @param controls [layers x 3]: learning rate, weight decay, momentum
  /// @param statistics [layers x kStepStatisticCount], or null
  /// @param store false: write statistics of the step that would be taken, change nothing
  virtual void step(std::span<const double> controls, float inverse_scale, float* statistics, bool store) = 0;

  /// For benchmarks: `count` steps queued one after another, nothing copied between the host and the device.
  /// @param with_statistics whether they are computed; they stay on the device
  /// @returns the device's own seconds. @throws std::invalid_argument where the engine does not compute on a device
  virtual double timed_steps(std::span<const double> /*controls*/, float /*inverse_scale*/, bool /*with_statistics*/,
                             std::uint32_t /*count*/) {
    throw std::invalid_argument("only the steps of a CUDA device can be timed on it");
  }

  /// [arrays]: steps that each array has taken.
  virtual void read_steps(std::span<double> out) = 0;
  virtual void write_steps(std::span<const std::uint64_t> steps) = 0;
  /// @param which 0 or 1. @throws std::invalid_argument when there is no such array or moment, or its size differs
  virtual void read_moment(std::size_t array, int which, std::span<float> out) = 0;
  virtual void write_moment(std::size_t array, int which, std::span<const float> values) = 0;

  /// Copies registered arrays to where the engine computes, and parameters back. Nothing to do where that is the arrays
  /// themselves.
  virtual void upload(bool /*parameters*/, bool /*gradients*/) {}
  virtual void download() {}
};

}  // namespace ganno

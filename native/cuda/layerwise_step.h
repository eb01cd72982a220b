#pragma once
// LayerwiseStep on a GPU. No CUDA header is needed to use it.
#include <memory>
#include <span>

#include "core/layerwise_engine.h"
#include "core/optimizer_rule.h"

namespace ganno::cuda {

struct HostArray {
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
  int device = 0;
  /// true: parameters and gradients stay on the device, and are copied by upload() and download() alone. false: every
  /// step copies parameters and gradients to the device and parameters back.
  bool resident = false;
};

/// @param adapt [layers]; empty: all. @throws CodedError CUDA_UNAVAILABLE, OUT_OF_MEMORY
std::unique_ptr<LayerwiseEngine> make_layerwise_step(const LayerwiseOptions& options, std::span<const HostArray> arrays,
                                                     std::span<const std::uint32_t> arrays_per_layer,
                                                     std::span<const std::uint8_t> adapt);

}  // namespace ganno::cuda

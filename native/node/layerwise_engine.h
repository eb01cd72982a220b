#pragma once
// The engine that a LayerwisePlan's options ask for: the CPU's, or a GPU's.
#include <memory>
#include <optional>
#include <span>

#include "core/layerwise_engine.h"
#include "cpu/layerwise_step.h"
#include "node/napi_setup.h"

namespace ganno::node {

struct EngineOptions {
  LayerwiseStep::Options step;
  std::optional<int> cuda_device;  // none: the CPU
  bool resident = false;           // on a GPU: parameters and gradients stay there
};

/// @param options LayerwisePlanOptions of binding.d.ts; reading them may run the caller's code
EngineOptions read_engine_options(Napi::Object options);

/// @param adapt [layers]; empty: all
std::shared_ptr<LayerwiseEngine> make_layerwise_engine(const EngineOptions& options,
                                                       std::span<const ArrayBinding> arrays,
                                                       std::span<const std::uint32_t> arrays_per_layer,
                                                       std::span<const std::uint8_t> adapt);

}  // namespace ganno::node

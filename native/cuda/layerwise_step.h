#pragma once
// A LayerwiseStep on a GPU. No CUDA header is needed to use it.
#include <memory>
#include <span>

#include "core/layerwise_step.h"

namespace ganno::cuda {

/// @param options with a device
/// @param adapt [layers]; empty: all. @throws CodedError CUDA_UNAVAILABLE, OUT_OF_MEMORY
std::unique_ptr<LayerwiseStep> make_layerwise_step(const LayerwiseOptions& options,
                                                   std::span<const ArrayBinding> arrays,
                                                   std::span<const std::uint32_t> arrays_per_layer,
                                                   std::span<const std::uint8_t> adapt);

}  // namespace ganno::cuda

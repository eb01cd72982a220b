// For a build without nvcc.
#include "cuda/layerwise_step.h"

#include "cuda/devices.h"

namespace ganno::cuda {

std::unique_ptr<LayerwiseStep> make_layerwise_step(const LayerwiseOptions& options, std::span<const ArrayBinding>,
                                                   std::span<const std::uint32_t>, std::span<const std::uint8_t>) {
  require_device(options.device.value());
  return nullptr;
}

}  // namespace ganno::cuda

// For a build without nvcc.
#include "cuda/devices.h"
#include "cuda/open_population.h"

namespace ganno::cuda {

std::unique_ptr<PopulationEngine> open_population(PopulationOptions, std::span<const std::uint32_t>, int device) {
  require_device(device);
  return nullptr;
}

}  // namespace ganno::cuda

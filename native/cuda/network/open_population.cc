#include "cuda/open_population.h"

#include <utility>

#include "cuda/devices.h"
#include "cuda/network/population.h"

namespace ganno::cuda {

std::unique_ptr<PopulationEngine> open_population(PopulationOptions options, std::span<const std::uint32_t> seeds,
                                                  int device) {
  require_device(device);
  return std::make_unique<Population>(std::move(options), seeds, device);
}

}  // namespace ganno::cuda

#pragma once
// The population of a CUDA device, without any CUDA header.
#include <cstdint>
#include <memory>
#include <span>

#include "core/population.h"

namespace ganno::cuda {

/// @param device number of a CUDA device
/// @throws CodedError CUDA_UNAVAILABLE saying why, OUT_OF_MEMORY saying what was asked for and what was free
std::unique_ptr<PopulationEngine> open_population(PopulationOptions options, std::span<const std::uint32_t> seeds,
                                                  int device);

}  // namespace ganno::cuda

#include "core/population.h"

#include <algorithm>

#include "core/permutation.h"

namespace ganno {

std::vector<std::uint32_t> validation_subset(const PopulationOptions& options) {
  constexpr std::uint32_t kValidationSeed = 0;
  const Permutation pick(kValidationSeed, Stream::kSplit, 0, static_cast<std::uint32_t>(options.validation.size()));
  std::vector<std::uint32_t> images(options.validation_size);
  for (std::uint32_t i = 0; i < options.validation_size; ++i) images[i] = options.validation[pick(i)];
  return images;
}

std::uint32_t PopulationEngine::maximum_batch() const {
  return static_cast<std::uint32_t>(std::max<std::int64_t>(options().batch_size, kSmallestCapacity));
}

}  // namespace ganno

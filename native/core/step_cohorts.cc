#include "core/step_cohorts.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace ganno {

StepCohorts::StepCohorts(std::span<const std::uint32_t> arrays_per_layer, std::vector<std::uint8_t> decays)
    : arrays_per_layer_(arrays_per_layer.begin(), arrays_per_layer.end()),
      decays_(std::move(decays)),
      ranges_(arrays_per_layer.size()),
      of_array_(decays_.size()) {
  if (std::accumulate(arrays_per_layer.begin(), arrays_per_layer.end(), std::uint64_t{0}) != decays_.size()) {
    throw std::invalid_argument("the layers do not own every array exactly once");
  }
  regroup(std::vector<std::uint64_t>(decays_.size()));
}

void StepCohorts::regroup(std::span<const std::uint64_t> steps) {
  if (steps.size() != of_array_.size()) throw std::invalid_argument("as many step counters as arrays");
  std::vector<Cohort> cohorts;
  std::size_t array = 0;
  for (std::uint32_t layer = 0; layer < ranges_.size(); ++layer) {
    const auto first = static_cast<std::uint32_t>(cohorts.size());
    for (const std::size_t end = array + arrays_per_layer_[layer]; array < end; ++array) {
      const bool decays = decays_[array] != 0;
      const auto own = std::find_if(cohorts.begin() + first, cohorts.end(), [&](const Cohort& cohort) {
        return cohort.steps == steps[array] && cohort.decays == decays;
      });
      of_array_[array] = static_cast<std::uint32_t>(own - cohorts.begin());
      if (own == cohorts.end()) cohorts.push_back({layer, decays, steps[array]});
    }
    if (cohorts.size() == first) cohorts.push_back({layer, true, 0});
    const bool one_age = std::all_of(cohorts.begin() + first, cohorts.end(),
                                     [&](const Cohort& cohort) { return cohort.steps == cohorts[first].steps; });
    ranges_[layer] = {first, static_cast<std::uint32_t>(cohorts.size()) - first, one_age};
  }
  cohorts_ = std::move(cohorts);
}

}  // namespace ganno

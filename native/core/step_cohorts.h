#pragma once
// A cohort is the arrays of one layer that have taken the same number of steps: they share the scalars of a step, of
// which bias corrections are a part. Every layer is one cohort, until a state is restored in which some of its arrays
// have joined later, or sat out; from then on their numbers differ for good.
#include <cstdint>
#include <span>
#include <vector>

namespace ganno {

struct Cohort {
  std::uint32_t layer = 0;
  std::uint64_t steps = 0;
};

struct CohortRange {
  std::uint32_t first = 0;
  std::uint32_t count = 1;
};

class StepCohorts {
 public:
  /// One a layer, a layer without arrays too. No steps yet.
  /// @throws std::invalid_argument when the layers do not own `array_count` arrays
  StepCohorts(std::span<const std::uint32_t> arrays_per_layer, std::size_t array_count);

  /// @param steps [arrays] that each has taken; for a layer without arrays, none
  void regroup(std::span<const std::uint64_t> steps);

  /// Layer by layer. Writable: whoever steps them counts.
  std::span<Cohort> all() { return cohorts_; }
  std::span<const Cohort> all() const { return cohorts_; }
  CohortRange of_layer(std::size_t layer) const { return ranges_[layer]; }
  std::uint32_t of_array(std::size_t array) const { return of_array_[array]; }

 private:
  std::vector<std::uint32_t> arrays_per_layer_;
  std::vector<Cohort> cohorts_;
  std::vector<CohortRange> ranges_;      // [layers]
  std::vector<std::uint32_t> of_array_;  // [arrays]
};

}  // namespace ganno

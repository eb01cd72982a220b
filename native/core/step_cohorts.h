#pragma once
// A cohort is the arrays of one layer that share the scalars of a step, of which weight decay and bias corrections are
// a part: those that have taken the same number of steps, and that all have weight decay or all have none. Every layer
// is one cohort, unless only some of its arrays decay (a kernel, and not its bias), or until a state is restored in
// which some have joined later, or sat out; from then on their numbers differ for good.
#include <cstdint>
#include <span>
#include <vector>

namespace ganno {

struct Cohort {
  std::uint32_t layer = 0;
  bool decays = true;
  std::uint64_t steps = 0;

  /// @param of_layer the weight decay of the layer's controls
  double weight_decay(double of_layer) const { return decays ? of_layer : 0; }
};

struct CohortRange {
  std::uint32_t first = 0;
  std::uint32_t count = 1;
  bool one_age = true;  // all have taken the same number of steps
};

class StepCohorts {
 public:
  /// At least one a layer, of a layer without arrays too. No steps yet.
  /// @param decays [arrays] whether weight decay applies (0: no)
  /// @throws std::invalid_argument when the layers do not own so many arrays
  StepCohorts(std::span<const std::uint32_t> arrays_per_layer, std::vector<std::uint8_t> decays);

  /// @param steps [arrays] that each has taken; for a layer without arrays, none
  void regroup(std::span<const std::uint64_t> steps);

  /// Layer by layer. Writable: whoever steps them counts.
  std::span<Cohort> all() { return cohorts_; }
  std::span<const Cohort> all() const { return cohorts_; }
  CohortRange of_layer(std::size_t layer) const { return ranges_[layer]; }
  std::uint32_t of_array(std::size_t array) const { return of_array_[array]; }

 private:
  std::vector<std::uint32_t> arrays_per_layer_;
  std::vector<std::uint8_t> decays_;  // [arrays]
  std::vector<Cohort> cohorts_;
  std::vector<CohortRange> ranges_;      // [layers]
  std::vector<std::uint32_t> of_array_;  // [arrays]
};

}  // namespace ganno

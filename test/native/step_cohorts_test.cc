// Which arrays of a layer share a step's scalars.
#include "core/step_cohorts.h"

#include <stdexcept>

#include "check.h"

namespace ganno::test {

namespace {

const Test one_cohort("arrays of a layer that all decay, or all do not, are one cohort while they are of one age", [] {
  StepCohorts cohorts(std::vector<std::uint32_t>{2, 0, 3}, {1, 1, 0, 0, 0});
  check(cohorts.all().size() == 3);
  for (std::uint32_t layer = 0; layer < 3; ++layer) {
    const CohortRange own = cohorts.of_layer(layer);
    check(own.first == layer && own.count == 1 && own.one_age);
    check(cohorts.all()[layer].layer == layer && cohorts.all()[layer].steps == 0);
  }
  check(cohorts.all()[0].weight_decay(0.5) == 0.5);
  check(cohorts.all()[2].weight_decay(0.5) == 0);
});

const Test mixed("arrays with decay and without are cohorts of one age until their step counters differ", [] {
  StepCohorts cohorts(std::vector<std::uint32_t>{1, 4}, {1, 0, 1, 0, 1});
  check(cohorts.of_layer(1).count == 2 && cohorts.of_layer(1).one_age);
  check(cohorts.of_array(1) == cohorts.of_array(3) && cohorts.of_array(2) == cohorts.of_array(4));
  check(cohorts.of_array(1) != cohorts.of_array(2));
  check(cohorts.all()[cohorts.of_array(1)].weight_decay(0.5) == 0);
  check(cohorts.all()[cohorts.of_array(2)].weight_decay(0.5) == 0.5);

  cohorts.regroup(std::vector<std::uint64_t>{7, 7, 7, 2, 7});
  check(cohorts.of_layer(0).one_age);
  check(cohorts.of_layer(1).count == 3 && !cohorts.of_layer(1).one_age);
  check(cohorts.all()[cohorts.of_array(3)].steps == 2 && !cohorts.all()[cohorts.of_array(3)].decays);
  check(cohorts.of_array(2) == cohorts.of_array(4) && cohorts.of_array(1) != cohorts.of_array(2));

  cohorts.regroup(std::vector<std::uint64_t>(5, 9));
  check(cohorts.of_layer(1).count == 2 && cohorts.of_layer(1).one_age);
  check(throws<std::invalid_argument>([&] { cohorts.regroup(std::vector<std::uint64_t>(4)); }));
});

const Test owned("cohorts are of arrays that layers own", [] {
  check(throws<std::invalid_argument>([] { StepCohorts(std::vector<std::uint32_t>{1}, {1, 1}); }));
  check(throws<std::invalid_argument>([] { StepCohorts(std::vector<std::uint32_t>{2, 1}, {1, 1}); }));
});

}  // namespace

}  // namespace ganno::test

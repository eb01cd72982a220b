// Which arrays of a layer share a step's scalars.
#include "core/step_cohorts.h"

#include <doctest/doctest.h>

#include <stdexcept>

namespace ganno::test {

namespace {

TEST_CASE("arrays of a layer that all decay, or all do not, are one cohort while they are of one age") {
  StepCohorts cohorts(std::vector<std::uint32_t>{2, 0, 3}, {1, 1, 0, 0, 0});
  CHECK(cohorts.all().size() == 3);
  for (std::uint32_t layer = 0; layer < 3; ++layer) {
    const CohortRange own = cohorts.of_layer(layer);
    CHECK(own.first == layer);
    CHECK(own.count == 1);
    CHECK(own.one_age);
    CHECK(cohorts.all()[layer].layer == layer);
    CHECK(cohorts.all()[layer].steps == 0);
  }
  CHECK(cohorts.all()[0].weight_decay(0.5) == 0.5);
  CHECK(cohorts.all()[2].weight_decay(0.5) == 0);
}

TEST_CASE("arrays with decay and without are cohorts of one age until their step counters differ") {
  StepCohorts cohorts(std::vector<std::uint32_t>{1, 4}, {1, 0, 1, 0, 1});
  CHECK(cohorts.of_layer(1).count == 2);
  CHECK(cohorts.of_layer(1).one_age);
  CHECK(cohorts.of_array(1) == cohorts.of_array(3));
  CHECK(cohorts.of_array(2) == cohorts.of_array(4));
  CHECK(cohorts.of_array(1) != cohorts.of_array(2));
  CHECK(cohorts.all()[cohorts.of_array(1)].weight_decay(0.5) == 0);
  CHECK(cohorts.all()[cohorts.of_array(2)].weight_decay(0.5) == 0.5);

  cohorts.regroup(std::vector<std::uint64_t>{7, 7, 7, 2, 7});
  CHECK(cohorts.of_layer(0).one_age);
  CHECK(cohorts.of_layer(1).count == 3);
  CHECK(!cohorts.of_layer(1).one_age);
  CHECK(cohorts.all()[cohorts.of_array(3)].steps == 2);
  CHECK(!cohorts.all()[cohorts.of_array(3)].decays);
  CHECK(cohorts.of_array(2) == cohorts.of_array(4));
  CHECK(cohorts.of_array(1) != cohorts.of_array(2));

  cohorts.regroup(std::vector<std::uint64_t>(5, 9));
  CHECK(cohorts.of_layer(1).count == 2);
  CHECK(cohorts.of_layer(1).one_age);
  CHECK_THROWS_AS(cohorts.regroup(std::vector<std::uint64_t>(4)), std::invalid_argument);
}

TEST_CASE("cohorts are of arrays that layers own") {
  CHECK_THROWS_AS(StepCohorts(std::vector<std::uint32_t>{1}, {1, 1}), std::invalid_argument);
  CHECK_THROWS_AS(StepCohorts(std::vector<std::uint32_t>{2, 1}, {1, 1}), std::invalid_argument);
}

}  // namespace

}  // namespace ganno::test

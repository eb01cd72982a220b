// The layerwise step: every rule, tier, thread count, policy and kind of clipping over ragged layouts.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "core/optimizer_rule.h"
#include "cpu/layerwise_step.h"
#include "cpu/tier.h"
#include "layout.h"

namespace ganno::test {

namespace {

constexpr NonFinitePolicy kPolicies[] = {NonFinitePolicy::kSkipElement, NonFinitePolicy::kSkipLayer,
                                         NonFinitePolicy::kSkipNetwork, NonFinitePolicy::kPropagate};

std::string run(const LayerwiseOptions& options, unsigned seed, bool large) {
  Layout layout = make_layout(seed, large);
  std::vector<std::uint8_t> adapt(layout.arrays_per_layer.size(), 1);
  if (seed % 2 == 1) adapt.back() = 0;
  CpuStep step(options, layout.bindings(), layout.arrays_per_layer, adapt);
  if (seed % 3 == 2) {  // arrays that joined one after another
    std::vector<std::uint64_t> ages(step.array_count());
    for (std::size_t i = 0; i < ages.size(); ++i) ages[i] = 7 * (i % 3);
    step.write_steps(ages);
  }
  std::vector<float> statistics(3 * step.layer_count() * kStepStatisticCount);
  const auto part = [&](std::size_t i) { return statistics.data() + i * statistics.size() / 3; };
  step.step(layout.controls, 0.5f, part(0), false);
  step.step(layout.controls, 0.5f, part(1), true);
  step.step(layout.controls, 0.5f, nullptr, true);
  step.step(layout.controls, 0.5f, part(2), true);
  CHECK_MESSAGE(std::equal(part(0), part(1), part(1), part(2)), "a probe gives the statistics of the step to come");
  CHECK_MESSAGE(layout.guards_hold(), "nothing beyond an array is written");
  return snapshot(layout, step, statistics);
}

LayerwiseOptions options_for(std::uint32_t algorithm) {
  LayerwiseOptions options;
  options.algorithm = static_cast<Algorithm>(algorithm);
  options.hyperparameters.trust_coefficient = 0.02;
  return options;
}

TEST_CASE("a step leaves the same bits in every tier, under every policy and kind of clipping") {
  for (std::uint32_t algorithm = 0; algorithm < kAlgorithmCount; ++algorithm) {
    for (const NonFinitePolicy policy : kPolicies) {
      for (const double clip_layer : {0.0, 0.1}) {
        for (const double clip_global : {0.0, 1.0}) {
          LayerwiseOptions options = options_for(algorithm);
          options.non_finite = policy;
          options.clip_layer_norm = clip_layer;
          options.clip_global_norm = clip_global;
          options.hyperparameters.beta1 = clip_layer == clip_global ? 0.9 : 0.25;
          for (unsigned seed = 0; seed < 6; ++seed) {
            options.tier = Tier::kBaseline;
            const std::string expected = run(options, seed, false);
            for (const Tier tier : available_tiers()) {
              options.tier = tier;
              CHECK_MESSAGE((run(options, seed, false) == expected), std::string(tier_name(tier)));
            }
          }
        }
      }
    }
  }
}

TEST_CASE("a step leaves the same bits for 1, 2, 3 and 8 threads") {
  for (std::uint32_t algorithm = 0; algorithm < kAlgorithmCount; ++algorithm) {
    LayerwiseOptions options = options_for(algorithm);
    options.tier = available_tiers().back();
    options.clip_global_norm = algorithm % 3 == 1 ? 1 : 0;
    options.clip_layer_norm = algorithm % 3 == 2 ? 1 : 0;
    const std::string expected = run(options, algorithm, true);
    for (const int threads : {2, 3, 8}) {
      options.threads = threads;
      CHECK_MESSAGE((run(options, algorithm, true) == expected), std::to_string(threads));
    }
  }
}

TEST_CASE("moments are there to be read and written, and only those a rule keeps") {
  for (std::uint32_t algorithm = 0; algorithm < kAlgorithmCount; ++algorithm) {
    Layout layout = make_layout(3, true);
    CpuStep step(options_for(algorithm), layout.bindings(), layout.arrays_per_layer);
    step.step(layout.controls, 1, nullptr, true);
    for (std::size_t array = 0; array < step.array_count(); ++array) {
      for (int which = -1; which < 3; ++which) {
        const bool there = which >= 0 && which < rule_traits(static_cast<Algorithm>(algorithm)).moments;
        std::vector<float> values(layout.parameters[array].size(), 0.25f), read(values.size());
        if (there) {
          step.write_moment(array, which, values);
          step.read_moment(array, which, read);
          CHECK(read == values);
        } else {
          CHECK_THROWS_AS(step.write_moment(array, which, values), std::invalid_argument);
          CHECK_THROWS_AS(step.read_moment(array, which, read), std::invalid_argument);
        }
        values.push_back(0);
        CHECK_THROWS_AS(step.write_moment(array, which, values), std::invalid_argument);
      }
    }
    CHECK_THROWS_AS(step.write_moment(step.array_count(), 0, {}), std::invalid_argument);
    step.step(layout.controls, 1, nullptr, true);
    step.write_steps(std::vector(step.array_count(), std::uint64_t{1} << 53));
    step.step(layout.controls, 1, nullptr, true);
    for (const std::uint64_t steps : step.steps()) CHECK(steps == (std::uint64_t{1} << 53) + 1);
    CHECK(step.bytes() > 0);
  }
}

TEST_CASE("arrays of a layer have step counters of their own, and those of a skipped layer stay") {
  for (const std::uint32_t algorithm : {0u, 4u, 8u}) {
    LayerwiseOptions options = options_for(algorithm);
    options.non_finite = NonFinitePolicy::kSkipLayer;
    std::vector<GuardedArray> parameters, gradients;
    std::mt19937 random(1);
    for (const std::size_t size : {70u, 1u, 0u, 2000u}) {
      for (auto* arrays : {&parameters, &gradients}) fill(arrays->emplace_back(size, 3), Values::kNormal, random);
    }
    std::vector<ArrayBinding> bindings;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      bindings.push_back({parameters[i].data(), gradients[i].data(), parameters[i].size()});
    }
    CpuStep step(options, bindings, std::vector<std::uint32_t>{0, 3, 1});
    const std::vector<double> controls(step.layer_count() * kControlCount, 1e-3);
    CHECK_THROWS_AS(step.write_steps(std::vector<std::uint64_t>(3)), std::invalid_argument);
    CHECK(step.steps() == std::vector<std::uint64_t>(4));
    step.write_steps(std::vector<std::uint64_t>{5, 0, 9, 0});
    step.step(controls, 1, nullptr, true);
    gradients[0].data()[0] = HUGE_VALF;
    std::vector<float> statistics(step.layer_count() * kStepStatisticCount);
    step.step(controls, 1, statistics.data(), true);
    CHECK(step.steps() == std::vector<std::uint64_t>{6, 1, 10, 2});
    step.write_steps(std::vector<std::uint64_t>(4, 3));
    step.step(controls, 1, nullptr, false);
    CHECK(step.steps() == std::vector<std::uint64_t>(4, 3));
  }
}

TEST_CASE("a step refuses layers that do not own every array exactly once") {
  Layout layout = make_layout(1, false);
  for (const int change : {-1, 1}) {
    std::vector<std::uint32_t> wrong = layout.arrays_per_layer;
    for (std::uint32_t& count : wrong) count = 2;
    wrong[0] += static_cast<std::uint32_t>(change) + static_cast<std::uint32_t>(layout.parameters.size());
    CHECK_THROWS_AS(CpuStep(LayerwiseOptions{}, layout.bindings(), wrong), std::exception);
  }
  const std::vector<std::uint8_t> adapt(layout.arrays_per_layer.size() + 1);
  CHECK_THROWS_AS(CpuStep({}, layout.bindings(), layout.arrays_per_layer, adapt), std::invalid_argument);
}

}  // namespace

}  // namespace ganno::test

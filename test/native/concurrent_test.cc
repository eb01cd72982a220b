// Several optimisers stepped from several threads at once, as Node workers do; all share one pool.
#include <doctest/doctest.h>

#include <thread>

#include "cpu/tier.h"
#include "layout.h"

namespace ganno::test {

namespace {

std::string train(std::uint32_t algorithm, int threads, int steps) {
  Layout layout = make_layout(40 + algorithm, true);
  LayerwiseOptions options;
  options.algorithm = static_cast<Algorithm>(algorithm);
  options.threads = threads;
  options.tier = available_tiers().back();
  CpuStep step(options, layout.bindings(), layout.arrays_per_layer);
  std::vector<float> statistics(step.layer_count() * kStepStatisticCount);
  for (int i = 0; i < steps; ++i) step.step(layout.controls, 1, statistics.data(), true);
  return snapshot(layout, step, statistics);
}

TEST_CASE("steps of several optimisers at once leave the bits they leave one after another") {
  constexpr std::uint32_t kWorkers = kAlgorithmCount;
  std::vector<std::string> alone(kWorkers), together(kWorkers);
  for (std::uint32_t i = 0; i < kWorkers; ++i) alone[i] = train(i, 1, 5);
  std::vector<std::thread> workers;
  for (std::uint32_t i = 0; i < kWorkers; ++i) {
    workers.emplace_back([i, &together] { together[i] = train(i, 1 + static_cast<int>(i % 3), 5); });
  }
  for (std::thread& worker : workers) worker.join();
  for (std::uint32_t i = 0; i < kWorkers; ++i) CHECK_MESSAGE((together[i] == alone[i]), std::to_string(i));
}

}  // namespace

}  // namespace ganno::test

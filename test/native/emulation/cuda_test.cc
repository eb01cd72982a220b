// The CUDA kernels on the emulated device, small cases, so that a sanitizer sees every access of theirs.
#include <doctest/doctest.h>

#include "../layout.h"
#include "cpu/tier.h"
#include "cuda/emulation/runtime_api.h"
#include "cuda/layerwise_step.h"
#include "cuda/open_population.h"

namespace ganno::test {

namespace {

void check_sound() {
  CHECK_MESSAGE(*cuda::emulation::last_report() == '\0', cuda::emulation::last_report());
}

struct Stepped {
  std::vector<float> parameters, statistics;
  bool operator==(const Stepped& other) const {
    return same(parameters, other.parameters) && same(statistics, other.statistics);
  }
  static bool same(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
  }
};

/// Steps with and without statistics, and a probe.
Stepped run(Layout& layout, LayerwiseStep& step) {
  Stepped result;
  result.statistics.resize(2 * step.layer_count() * kStepStatisticCount);
  step.step(layout.controls, 0.5f, result.statistics.data(), true);
  step.step(layout.controls, 0.5f, nullptr, true);
  step.step(layout.controls, 0.5f, result.statistics.data() + result.statistics.size() / 2, false);
  CHECK_MESSAGE(layout.guards_hold(), "nothing beyond an array is written");
  for (GuardedArray& array : layout.parameters) {
    result.parameters.insert(result.parameters.end(), array.data(), array.data() + array.size());
  }
  return result;
}

void compare_steps(const LayerwiseOptions& options, unsigned seed, bool large) {
  Layout layout = make_layout(seed, large);
  const std::vector<std::uint8_t> adapt(layout.arrays_per_layer.size(), 1);
  CpuStep cpu(options, layout.bindings(), layout.arrays_per_layer, adapt);
  const Stepped expected = run(layout, cpu);

  Layout again = make_layout(seed, large);
  LayerwiseOptions on_device = options;
  on_device.device = 0;
  const auto cuda = cuda::make_layerwise_step(on_device, again.bindings(), again.arrays_per_layer, adapt);
  CHECK_MESSAGE((run(again, *cuda) == expected), "the CPU's bits");
  check_sound();
}

TEST_CASE("emulated: a step of every rule leaves the CPU's bits, denormals kept or flushed") {
  for (std::uint32_t algorithm = 0; algorithm < kAlgorithmCount; ++algorithm) {
    for (unsigned seed = 0; seed < 8; ++seed) {
      LayerwiseOptions options;
      options.tier = available_tiers().back();
      options.algorithm = static_cast<Algorithm>(algorithm);
      options.non_finite = static_cast<NonFinitePolicy>(seed % 4);
      options.clip_layer_norm = seed % 3 == 1 ? 0.1 : 0;
      options.clip_global_norm = seed % 3 == 2 ? 1 : 0;
      options.flush_denormals = seed / 4 != 0;
      compare_steps(options, seed, algorithm == 0 && seed == 0);
    }
  }
}

LayerSpec layer(LayerKind kind, std::int64_t units, std::int64_t size, std::int64_t stride, Activation activation) {
  return {kind, units, size, stride, true, activation, Initializer::kHeNormal, kind == LayerKind::kDropout ? 0.3 : 0.0};
}

TEST_CASE("emulated: populations of every kind of layer train") {
  constexpr ImageShape kShape{7, 6, 2};
  constexpr std::uint32_t kImages = 40, kNetworks = 3, kSteps = 3;
  constexpr std::uint32_t kSeeds[kNetworks] = {1, 2, 3};
  // Exactly as large as it must be.
  std::vector<std::uint8_t> pixels(kImages * std::size_t{7 * 6 * 2}), labels(kImages);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * 2654435761u >> 13);
  for (std::uint32_t i = 0; i < kImages; ++i) labels[i] = static_cast<std::uint8_t>(i % 3);
  const LayerSpec output = layer(LayerKind::kDense, 3, 0, 1, Activation::kLinear);
  const std::vector<std::vector<LayerSpec>> specs = {
      {layer(LayerKind::kDense, 17, 0, 1, Activation::kRelu), layer(LayerKind::kDropout, 0, 0, 1, Activation::kLinear),
       output},
      {layer(LayerKind::kConvolution, 5, 3, 1, Activation::kRelu),
       layer(LayerKind::kMaxPool, 0, 2, 2, Activation::kLinear),
       layer(LayerKind::kConvolution, 4, 1, 1, Activation::kTanh),
       layer(LayerKind::kAveragePool, 0, 3, 1, Activation::kLinear), output},
      {layer(LayerKind::kConvolution, 6, 5, 2, Activation::kRelu),
       layer(LayerKind::kGlobalAveragePool, 0, 0, 1, Activation::kLinear), output},
  };
  for (const std::vector<LayerSpec>& spec : specs) {
    PopulationOptions options;
    options.input = kShape;
    options.layers = spec;
    options.networks = kNetworks;
    options.batch_size = 7;
    options.algorithm = Algorithm::kAdam;
    options.source = {pixels.data(), labels.data()};
    options.images = kImages;
    for (std::uint32_t i = 0; i < kImages; ++i) {
      (i < 25 ? options.train : i < 33 ? options.validation : options.test).push_back(i);
    }
    options.slice_size = 20;
    options.validation_size = 8;
    options.mean = {0.3, 0.4};
    options.standard_deviation = {0.2, 0.3};
    options.memory_limit = 1e9;
    const auto population = cuda::open_population(options, kSeeds, 0);
    const std::vector<float> rates(kNetworks * spec.size(), 0.01f);
    std::vector<float> statistics(rates.size() * kPopulationStatisticCount), loss(kNetworks * kSteps);
    std::vector<float> validation(kNetworks * 3), scores(kNetworks * 2);
    CHECK(population->train(kSteps, {rates.data()}, {statistics.data(), loss.data(), validation.data()}));
    CHECK(population->evaluate(Split::kTest, scores.data()));
    for (const float value : loss) {
      CHECK(std::isfinite(value));
      CHECK(value > 0);
    }
    check_sound();
  }
}

}  // namespace

}  // namespace ganno::test

// The child-network engine: every kind of layer, every rule, threads, snapshots, and the cancellation flag while it
// runs.
#include "cpu/network/population.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <new>
#include <stdexcept>
#include <thread>

#include "cpu/tier.h"

namespace ganno::test {

namespace {

constexpr std::uint32_t kNetworks = 5, kImages = 90, kSteps = 6;
constexpr ImageShape kShape{9, 7, 2};

struct Images {
  std::vector<std::uint8_t> pixels, labels;
  Images() {
    // Exactly as large as it must be: a read beyond the last image is a finding.
    pixels.resize(kImages * static_cast<std::size_t>(kShape.height * kShape.width * kShape.channels));
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i * 2654435761u >> 13);
    for (std::uint32_t i = 0; i < kImages; ++i) labels.push_back(static_cast<std::uint8_t>(i % 3));
  }
};

const Images& images() {
  static const Images made;
  return made;
}

LayerSpec convolution(std::int64_t filters, std::int64_t size, std::int64_t stride, bool same, Activation activation) {
  return {LayerKind::kConvolution, filters, size, stride, same, activation, Initializer::kHeNormal, 0};
}
LayerSpec window(LayerKind kind, std::int64_t size, std::int64_t stride, bool same) {
  return {kind, 0, size, stride, same, Activation::kLinear, Initializer::kHeUniform, 0};
}
LayerSpec dense(std::int64_t units, Activation activation = Activation::kLinear) {
  return {LayerKind::kDense, units, 0, 1, false, activation, Initializer::kXavierUniform, 0};
}
LayerSpec dropout(double rate) {
  return {LayerKind::kDropout, 0, 0, 1, false, Activation::kLinear, Initializer::kHeUniform, rate};
}

LayerSpec batch_norm(Activation activation = Activation::kLinear) {
  return {LayerKind::kBatchNorm, 0, 0, 1, false, activation, Initializer::kHeUniform, 0.1, 1e-5};
}
/// The same layer behind another one than the last; `input` and `addend` count from 0.
LayerSpec branch(LayerSpec layer, std::int64_t input, std::int64_t addend = -1) {
  layer.input = input;
  layer.addend = addend;
  return layer;
}
LayerSpec sum(std::int64_t input, std::int64_t addend, Activation activation) {
  return branch({LayerKind::kAdd, 0, 0, 1, false, activation, Initializer::kHeUniform, 0}, input, addend);
}

/// Between them every kind of layer, kernel size, stride, padding and activation.
const std::vector<std::vector<LayerSpec>>& specs() {
  static const std::vector<std::vector<LayerSpec>> made = {
      {dense(17, Activation::kRelu), dropout(0.3), dense(3)},
      {convolution(5, 3, 1, true, Activation::kRelu), window(LayerKind::kMaxPool, 2, 2, false),
       convolution(4, 1, 1, false, Activation::kTanh), dense(3)},
      {convolution(6, 5, 2, true, Activation::kTanh), dropout(0.5), window(LayerKind::kAveragePool, 3, 1, true),
       dense(9, Activation::kTanh), dense(3)},
      {convolution(18, 3, 2, false, Activation::kRelu), window(LayerKind::kMaxPool, 3, 2, true),
       convolution(20, 1, 2, true, Activation::kLinear), window(LayerKind::kGlobalAveragePool, 0, 1, false), dense(3)},
      {convolution(5, 3, 1, true, Activation::kLinear), batch_norm(Activation::kRelu),
       // A projection, and two convolutions beside it.
       convolution(7, 1, 2, true, Activation::kLinear), batch_norm(),
       branch(convolution(9, 3, 2, true, Activation::kLinear), 1), batch_norm(Activation::kTanh),
       convolution(7, 3, 1, true, Activation::kLinear), batch_norm(), sum(7, 3, Activation::kRelu),
       // The identity, and pooling and dropout beside it.
       convolution(7, 5, 1, true, Activation::kTanh), window(LayerKind::kMaxPool, 3, 1, true), dropout(0.2),
       sum(11, 8, Activation::kTanh), dense(8), batch_norm(Activation::kRelu), dense(3)},
  };
  return made;
}

constexpr std::uint32_t kSeeds[kNetworks] = {1, 2, 3, 4, 5};

/// A population's options and how the CPU runs it.
struct Setup {
  PopulationOptions options;
  Tier tier = available_tiers().back();
  int threads = 1;

  Population open() const { return {options, kSeeds, tier, threads}; }
};

Setup setup_for(std::size_t spec, Algorithm algorithm) {
  PopulationOptions options;
  options.input = kShape;
  options.layers = specs()[spec];
  options.networks = kNetworks;
  options.batch_size = 7;
  options.algorithm = algorithm;
  options.source = {images().pixels.data(), images().labels.data()};
  options.images = kImages;
  for (std::uint32_t i = 0; i < kImages; ++i)
    (i < 60 ? options.train : i < 80 ? options.validation : options.test).push_back(i);
  options.slice_size = 40;
  options.validation_size = 13;
  options.mean = {0.3, 0.4};
  options.standard_deviation = {0.2, 0.3};
  options.memory_limit = 1e9;
  return {options};
}

struct Results {
  std::vector<float> learning_rates, statistics, training_loss, validation;
  explicit Results(const Population& population, float learning_rate = 0.02f)
      : learning_rates(kNetworks * population.table().layers().size(), learning_rate),
        statistics(learning_rates.size() * kPopulationStatisticCount),
        training_loss(kNetworks * kSteps),
        validation(kNetworks * 3) {}
  Controls controls() const { return {learning_rates.data()}; }
  Outputs outputs() { return {statistics.data(), training_loss.data(), validation.data()}; }
};

std::vector<float> parameters_of(const Population& population) {
  const auto size = static_cast<std::size_t>(population.table().parameter_count());
  std::vector<float> all(kNetworks * size);
  for (std::uint32_t network = 0; network < kNetworks; ++network) {
    population.read_parameters(network, all.data() + network * size);
  }
  return all;
}

/// Probe, train, snapshots, evaluate: everything they give, in one vector.
std::vector<float> run(const Setup& setup) {
  Population population = setup.open();
  Results results(population);
  std::vector<float> all;
  const auto keep = [&](const std::vector<float>& values) { all.insert(all.end(), values.begin(), values.end()); };
  CHECK(population.probe(kSteps, results.controls(), results.outputs()));
  keep(results.statistics);
  for (int interval = 0; interval < 2; ++interval) {
    CHECK(population.train(kSteps, results.controls(), results.outputs()));
    keep(results.statistics);
    keep(results.training_loss);
    keep(results.validation);
    population.save(0);
    population.fork(1, 2);
    CHECK(population.restore(0));
    CHECK(!population.restore(4));
  }
  std::vector<float> scores(kNetworks * 2);
  for (const Split split : {Split::kTrain, Split::kValidation, Split::kTest}) {
    CHECK(population.evaluate(split, scores.data()));
    keep(scores);
  }
  std::vector<float> gradient(static_cast<std::size_t>(population.table().parameter_count()));
  const std::uint32_t picked[] = {89, 0, 44};
  all.push_back(static_cast<float>(population.loss_and_gradient(3, picked, gradient.data())));
  keep(gradient);
  keep(parameters_of(population));
  std::vector<float> running(population.running_values());
  population.read_running(2, running.data());
  keep(running);
  population.write_running(4, running.data());
  CHECK(population.bytes() > 0);
  return all;
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST_CASE("populations of every kind of layer and rule give the same bits for 1, 2 and 4 threads") {
  for (std::size_t spec = 0; spec < specs().size(); ++spec) {
    for (std::uint32_t algorithm = 0; algorithm < kPopulationAlgorithmCount; ++algorithm) {
      Setup setup = setup_for(spec, static_cast<Algorithm>(algorithm));
      const std::vector<float> expected = run(setup);
      for (const float value : expected) CHECK(std::isfinite(value));
      for (const int threads : {2, 4}) {
        setup.threads = threads;
        CHECK_MESSAGE(same(run(setup), expected), "network ", spec);
      }
    }
  }
}

TEST_CASE("populations run in every tier") {
  for (const Tier tier : available_tiers()) {
    for (std::size_t spec = 0; spec < specs().size(); ++spec) {
      Setup setup = setup_for(spec, Algorithm::kAdam);
      setup.tier = tier;
      for (const float value : run(setup)) CHECK(std::isfinite(value));
    }
  }
}

bool diverged(const Population& population) {
  std::uint8_t flags[kNetworks];
  population.diverged(flags);
  return flags[0] == 1;
}

TEST_CASE("a population whose networks diverge gives finite numbers and says which") {
  for (std::size_t spec = 0; spec < specs().size(); ++spec) {
    Setup setup = setup_for(spec, Algorithm::kSgd);
    setup.threads = 3;
    Population population = setup.open();
    Results results(population, 1e30f);
    for (int i = 0; i < 3; ++i) CHECK(population.train(kSteps, results.controls(), results.outputs()));
    for (const float value : results.statistics) CHECK(!std::isnan(value));
    for (const float value : results.training_loss) CHECK(std::isfinite(value));
    if (spec == 0) CHECK(diverged(population));  // the loss of a network that tanh saturates may stay finite
    population.reset(kSeeds);
    CHECK(!diverged(population));
  }
}

TEST_CASE("a population stops when its flag is raised from another thread, and goes on when it is lowered") {
  std::int32_t flag = 0;
  Setup setup = setup_for(1, Algorithm::kMomentum);
  setup.threads = 3;
  setup.options.cancellation = &flag;
  Population population = setup.open();
  Results results(population);
  std::atomic<bool> done{false};
  std::thread flipper([&] {
    for (std::int32_t value = 1; !done; value ^= 1) __atomic_store_n(&flag, value, __ATOMIC_RELAXED);
  });
  std::vector<float> scores(kNetworks * 2);
  for (int i = 0; i < 200; ++i) {
    population.train(kSteps, results.controls(), results.outputs());
    population.evaluate(Split::kValidation, scores.data());
  }
  done = true;
  flipper.join();
  __atomic_store_n(&flag, 1, __ATOMIC_RELAXED);
  CHECK(!population.train(kSteps, results.controls(), results.outputs()));
  __atomic_store_n(&flag, 0, __ATOMIC_RELAXED);
  CHECK(population.train(kSteps, results.controls(), results.outputs()));
}

TEST_CASE("several populations train at once on several threads, each with helpers") {
  std::vector<std::vector<float>> alone, together(specs().size());
  for (std::size_t spec = 0; spec < specs().size(); ++spec) alone.push_back(run(setup_for(spec, Algorithm::kAdam)));
  std::vector<std::thread> workers;
  for (std::size_t spec = 0; spec < specs().size(); ++spec) {
    workers.emplace_back([spec, &together] {
      Setup setup = setup_for(spec, Algorithm::kAdam);
      setup.threads = 2;
      together[spec] = run(setup);
    });
  }
  for (std::thread& worker : workers) worker.join();
  for (std::size_t spec = 0; spec < specs().size(); ++spec) CHECK((same(alone[spec], together[spec])));
}

TEST_CASE("networks whose branches meet in another way than residual blocks do are refused") {
  const LayerSpec first = convolution(4, 3, 1, true, Activation::kLinear), next = first;
  const LayerSpec pool = window(LayerKind::kMaxPool, 3, 1, true);
  const std::vector<std::vector<LayerSpec>> bad = {
      {batch_norm(), dense(3)},
      {first, pool, batch_norm(), dense(3)},
      {first, batch_norm(), batch_norm(), dense(3)},
      {first, next, sum(1, 1, Activation::kLinear), dense(3)},
      {first, next, sum(1, -1, Activation::kLinear), dense(3)},
      {first, next, sum(1, 5, Activation::kLinear), dense(3)},
      {first, convolution(5, 3, 1, true, Activation::kLinear), sum(1, 0, Activation::kLinear), dense(3)},
      {first, next, sum(1, 0, Activation::kLinear), branch(next, 0), sum(3, 2, Activation::kLinear), dense(3)},
      {first, pool, sum(1, 0, Activation::kLinear), dense(3)},
      {first, next, branch(next, 0), dense(3)},
      {first, pool, branch(pool, 0), sum(2, 1, Activation::kLinear), dense(3)},
      {first, window(LayerKind::kMaxPool, 2, 2, false), branch(next, 0), dense(3)},
      {dense(4), batch_norm(), convolution(4, 1, 1, true, Activation::kLinear), dense(3)},
  };
  for (const std::vector<LayerSpec>& layers : bad) {
    Setup setup = setup_for(0, Algorithm::kSgd);
    setup.options.layers = layers;
    CAPTURE(&layers - bad.data());
    CHECK_THROWS_AS(setup.open(), std::invalid_argument);
  }
}

TEST_CASE("a population beyond its memory limit is refused") {
  Setup setup = setup_for(0, Algorithm::kAdam);
  setup.options.memory_limit = 1000;
  CHECK_THROWS_AS(setup.open(), std::bad_alloc);
}

}  // namespace

}  // namespace ganno::test

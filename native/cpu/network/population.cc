#include "cpu/network/population.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "core/initial_weights.h"
#include "cpu/float_environment.h"
#include "cpu/network/worker.h"
#include "cpu/thread_pool.h"

namespace ganno {

namespace {

std::size_t moment_arenas(const PopulationOptions& options) {
  return static_cast<std::size_t>(moment_count(options.algorithm));
}

}  // namespace

void NetworkState::copy_from(const NetworkState& other) {
  if (arenas.size() != other.arenas.size()) arenas = AlignedBuffer(other.arenas.size());
  std::memcpy(arenas.data(), other.arenas.data(), other.arenas.size() * sizeof(float));
  seed = other.seed;
  steps = other.steps;
  diverged = other.diverged;
  logits = other.logits;
  has_logits = other.has_logits;
}

Population::Population(PopulationOptions options, std::span<const std::uint32_t> seeds, Tier tier, int threads)
    : options_(std::move(options)),
      tier_(tier),
      threads_(std::clamp(threads, 1, static_cast<int>(std::min<std::uint32_t>(options_.networks, 256)))),
      plan_(options_.input, options_.layers, maximum_batch()),
      validation_images_(validation_subset(options_)) {
  // The system may promise memory it does not have, and kill the process when it is touched: refuse in time.
  const double needed = static_cast<double>(options_.networks) * static_cast<double>(state_bytes()) +
                        static_cast<double>(threads_) * static_cast<double>(plan_.workspace_floats) * sizeof(float);
  if (needed > options_.memory_limit) throw std::bad_alloc();

  networks_.resize(options_.networks);
  for (Network& network : networks_) {
    network.state.arenas = AlignedBuffer(state_floats());
    network.state.logits.resize(validation_images_.size() * static_cast<std::size_t>(plan_.classes));
  }
  for (int i = 0; i < threads_; ++i) {
    workers_.push_back(std::make_unique<Worker>(plan_, options_, tier_));
    idle_.push_back(workers_.back().get());
  }
  reset(seeds);
}

Population::~Population() = default;

std::size_t Population::state_floats() const {
  return arena() * (1 + moment_arenas(options_)) + running_values();
}

std::size_t Population::state_bytes() const {
  return (state_floats() +
          static_cast<std::size_t>(options_.validation_size) * static_cast<std::size_t>(plan_.classes)) *
         sizeof(float);
}

std::size_t Population::bytes() const {
  std::size_t total = workers_.size() * plan_.workspace_floats * sizeof(float);
  for (const Network& network : networks_) total += state_bytes() * (network.saved == nullptr ? 1 : 2);
  return total;
}

void Population::initialize(Network& network, std::uint32_t seed) {
  NetworkState& state = network.state;
  std::memset(state.arenas.data(), 0, state.arenas.size() * sizeof(float));
  state.seed = seed;
  state.steps = 0;
  state.diverged = false;
  state.has_logits = false;
  network.saved.reset();
  for (const Node& node : plan_.nodes) {
    if (node.kind == LayerKind::kBatchNorm) {
      const std::int64_t channels = node.running_variance - node.running_mean;
      std::fill_n(state.arenas.data() + node.scale, channels, 1.0f);
      std::fill_n(running_of(state) + node.running_variance, channels, 1.0f);
    }
    if (node.layer < 0) continue;
    const auto size = static_cast<std::size_t>(node.taps * node.in * node.columns);
    const InitialSpread spread = initial_spread(node.initializer, node.taps * node.in, node.taps * node.columns);
    float* weights = state.arenas.data() + node.weights;
    for (std::size_t i = 0; i < size; i += 4) {
      const InitialWeights four = initial_weights(spread, seed, static_cast<std::uint64_t>(node.layer), i / 4);
      std::copy_n(four.values, std::min<std::size_t>(4, size - i), weights + i);
    }
  }
}

void Population::reset(std::span<const std::uint32_t> seeds) {
  for (std::size_t i = 0; i < networks_.size(); ++i) initialize(networks_[i], seeds[i]);
}

void Population::save(std::uint32_t index) {
  Network& network = networks_[index];
  if (network.saved == nullptr) network.saved = std::make_unique<NetworkState>();
  network.saved->copy_from(network.state);
}

bool Population::restore(std::uint32_t index) {
  Network& network = networks_[index];
  if (network.saved == nullptr) return false;
  network.state.copy_from(*network.saved);
  return true;
}

void Population::fork(std::uint32_t from, std::uint32_t to) {
  if (from != to) networks_[to].state.copy_from(networks_[from].state);
}

void Population::read_parameters(std::uint32_t index, float* out) const {
  const float* parameters = networks_[index].state.arenas.data();
  for (const ArrayExtent& array : plan_.table.arrays()) {
    std::memcpy(out, parameters + array.offset, array.size * sizeof(float));
    out += array.size;
  }
}

void Population::write_parameters(std::uint32_t index, const float* values) {
  float* parameters = networks_[index].state.arenas.data();
  for (const ArrayExtent& array : plan_.table.arrays()) {
    std::memcpy(parameters + array.offset, values, array.size * sizeof(float));
    values += array.size;
  }
}

void Population::read_logits(std::uint32_t index, float* out) const {
  const NetworkState& state = networks_[index].state;
  if (state.has_logits) {
    std::copy(state.logits.begin(), state.logits.end(), out);
  } else {
    std::fill_n(out, state.logits.size(), 0.0f);
  }
}

void Population::read_running(std::uint32_t index, float* out) const {
  std::copy_n(running_of(networks_[index].state), running_values(), out);
}

void Population::write_running(std::uint32_t index, const float* values) {
  std::copy_n(values, running_values(), running_of(networks_[index].state));
}

void Population::diverged(std::uint8_t* flags) const {
  for (std::size_t i = 0; i < networks_.size(); ++i) flags[i] = networks_[i].state.diverged ? 1 : 0;
}

bool Population::cancelled() const {
  return options_.cancellation != nullptr && __atomic_load_n(options_.cancellation, __ATOMIC_RELAXED) != 0;
}

template <typename Function>
bool Population::each_network(Function function) {
  // Flushed in the step too: the moments of units that died decay into denormals within 800 steps and stay there, and
  // each costs a microcode assist. A network at a hopeless learning rate trained at a quarter of the speed (measured).
  const FloatEnvironment environment(Denormals::kFlush);
  parallel_for(networks_.size(), threads_, [&](std::size_t index) {
    if (cancelled()) return;
    const Lease lease(*this);
    function(lease.worker(), static_cast<std::uint32_t>(index));
  });
  return !cancelled();
}

bool Population::train(std::uint32_t steps, const Controls& controls, const Outputs& outputs) {
  return each_network(
      [&](Worker& worker, std::uint32_t index) { train_network(worker, index, steps, true, controls, outputs); });
}

bool Population::probe(std::uint32_t batches, const Controls& controls, const Outputs& outputs) {
  return each_network(
      [&](Worker& worker, std::uint32_t index) { train_network(worker, index, batches, false, controls, outputs); });
}

bool Population::evaluate(Split split, float* out) {
  return each_network([&](Worker& worker, std::uint32_t index) {
    evaluate_network(worker, networks_[index], split, out + std::size_t{2} * index);
  });
}

}  // namespace ganno

#include "cpu/network/population.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <new>

#include "cpu/float_environment.h"
#include "cpu/network/interval_statistics.h"
#include "cpu/network/random.h"
#include "cpu/step_kernels.h"
#include "cpu/thread_pool.h"

namespace ganno {

namespace {

/// Samples of a batch when nothing but results is wanted: enough to fill the tiles, whatever the training batch.
constexpr std::int64_t kSmallestCapacity = 64;
/// The validation subset is the same for every population of a data set.
constexpr std::uint32_t kValidationSeed = 0;

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

/// One thread's workspace.
struct Population::Worker {
  Worker(const NetworkPlan& plan, const PopulationOptions& options)
      : pass(plan, options.tier, options.mean.data(), options.standard_deviation.data()),
        statistics(plan.table.layers().size()),
        images(static_cast<std::size_t>(plan.capacity)) {}

  Pass pass;
  IntervalStatistics statistics;
  std::vector<std::uint32_t> images;
};

/// A workspace for as long as a network needs it; there are as many as threads.
class Population::Lease {
 public:
  explicit Lease(Population& population) : population_(population) {
    const std::lock_guard lock(population_.idle_mutex_);
    worker_ = population_.idle_.back();
    population_.idle_.pop_back();
  }
  ~Lease() {
    const std::lock_guard lock(population_.idle_mutex_);
    population_.idle_.push_back(worker_);
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Worker& worker() const { return *worker_; }

 private:
  Population& population_;
  Worker* worker_;
};

Population::Population(PopulationOptions options, std::span<const std::uint32_t> seeds)
    : options_(std::move(options)),
      plan_(options_.input, options_.layers, std::max<std::int64_t>(options_.batch_size, kSmallestCapacity)) {
  options_.threads = std::clamp(options_.threads, 1, static_cast<int>(std::min<std::uint32_t>(options_.replicas, 256)));
  // The system may promise memory it does not have, and kill the process when it is touched: refuse in time.
  const double needed =
      static_cast<double>(options_.replicas) * static_cast<double>(state_bytes()) +
      static_cast<double>(options_.threads) * static_cast<double>(plan_.workspace_floats) * sizeof(float);
  if (needed > options_.memory_limit) throw std::bad_alloc();

  const Permutation pick(kValidationSeed, Stream::kSplit, 0, static_cast<std::uint32_t>(options_.validation.size()));
  validation_images_.resize(options_.validation_size);
  for (std::uint32_t i = 0; i < options_.validation_size; ++i) validation_images_[i] = options_.validation[pick(i)];
  networks_.resize(options_.replicas);
  for (Network& network : networks_) {
    network.state.arenas = AlignedBuffer(arena() * (1 + moment_arenas(options_)));
    network.state.logits.resize(validation_images_.size() * static_cast<std::size_t>(plan_.classes));
  }
  for (int i = 0; i < options_.threads; ++i) {
    workers_.push_back(std::make_unique<Worker>(plan_, options_));
    idle_.push_back(workers_.back().get());
  }
  reset(seeds);
}

Population::~Population() = default;

std::size_t Population::state_bytes() const {
  return (arena() * (1 + moment_arenas(options_)) +
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
    if (node.layer < 0) continue;
    const auto size = static_cast<std::size_t>(node.taps * node.in * node.columns);
    initialize_weights({state.arenas.data() + node.weights, size}, node.initializer, node.taps * node.in,
                       node.taps * node.columns, seed, static_cast<std::uint64_t>(node.layer));
  }
}

void Population::reset(std::span<const std::uint32_t> seeds) {
  for (std::size_t i = 0; i < networks_.size(); ++i) initialize(networks_[i], seeds[i]);
}

void Population::save(std::uint32_t replica) {
  Network& network = networks_[replica];
  if (network.saved == nullptr) network.saved = std::make_unique<NetworkState>();
  network.saved->copy_from(network.state);
}

bool Population::restore(std::uint32_t replica) {
  Network& network = networks_[replica];
  if (network.saved == nullptr) return false;
  network.state.copy_from(*network.saved);
  return true;
}

void Population::fork(std::uint32_t from, std::uint32_t to) {
  if (from != to) networks_[to].state.copy_from(networks_[from].state);
}

void Population::read_parameters(std::uint32_t replica, float* out) const {
  const float* parameters = networks_[replica].state.arenas.data();
  for (const ArrayExtent& array : plan_.table.arrays()) {
    std::memcpy(out, parameters + array.offset, array.size * sizeof(float));
    out += array.size;
  }
}

void Population::write_parameters(std::uint32_t replica, const float* values) {
  float* parameters = networks_[replica].state.arenas.data();
  for (const ArrayExtent& array : plan_.table.arrays()) {
    std::memcpy(parameters + array.offset, values, array.size * sizeof(float));
    values += array.size;
  }
}

bool Population::cancelled() const {
  return options_.cancellation != nullptr && __atomic_load_n(options_.cancellation, __ATOMIC_RELAXED) != 0;
}

template <typename Function>
bool Population::each_network(Function function) {
  const FloatEnvironment environment(Denormals::kKeep);
  parallel_for(networks_.size(), options_.threads, [&](std::size_t replica) {
    if (cancelled()) return;
    const Lease lease(*this);
    function(lease.worker(), static_cast<std::uint32_t>(replica));
  });
  return !cancelled();
}

bool Population::train(std::uint32_t steps, const Controls& controls, const Outputs& outputs) {
  return each_network(
      [&](Worker& worker, std::uint32_t replica) { train_network(worker, replica, steps, true, controls, outputs); });
}

bool Population::probe(std::uint32_t batches, const Controls& controls, const Outputs& outputs) {
  return each_network([&](Worker& worker, std::uint32_t replica) {
    train_network(worker, replica, batches, false, controls, outputs);
  });
}

bool Population::evaluate(Split split, float* out) {
  return each_network([&](Worker& worker, std::uint32_t replica) {
    evaluate_network(worker, networks_[replica], split, out + std::size_t{2} * replica);
  });
}

void Population::train_network(Worker& worker, std::uint32_t replica, std::uint32_t steps, bool store,
                               const Controls& controls, const Outputs& outputs) {
  Network& network = networks_[replica];
  NetworkState& state = network.state;
  const std::uint32_t batch = options_.batch_size;
  // The ragged tail of an epoch is dropped: every batch has the same size and no image comes twice in an epoch.
  const std::uint64_t batches = options_.slice_size / batch;
  const bool sliced = options_.slice_size < options_.train.size();
  const Permutation slice(state.seed, Stream::kSlice, 0, static_cast<std::uint32_t>(options_.train.size()));
  float* losses = outputs.training_loss + static_cast<std::size_t>(replica) * steps;
  worker.statistics.clear();
  for (std::uint32_t k = 0; k < steps; ++k) {
    if (cancelled()) return;
    if (state.diverged) {
      losses[k] = kDivergedLoss;
      continue;
    }
    // A probe draws its batches from an order of its own, which depends on how far the network is.
    const std::uint64_t number = store ? state.steps : k;
    const std::uint64_t epoch = store ? number / batches : state.steps;
    const Permutation order(state.seed, store ? Stream::kBatchOrder : Stream::kProbe, epoch, options_.slice_size);
    const auto first = static_cast<std::uint32_t>(number % batches * batch);
    for (std::uint32_t i = 0; i < batch; ++i) {
      const std::uint32_t position = order(first + i);
      worker.images[i] = options_.train[sliced ? slice(position) : position];
    }
    DropoutKey dropout;
    dropout.active = true;
    dropout.seed = state.seed;
    dropout.stream = static_cast<std::uint32_t>(Stream::kDropout);
    dropout.sub = (state.steps << 8) | (store ? 0 : (std::uint64_t{k} + 1) << 48);
    double loss;
    {
      const FloatEnvironment flush(Denormals::kFlush);
      const float* parameters = state.arenas.data();
      worker.pass.prepare(parameters, true);
      worker.pass.forward(parameters, options_.source, worker.images.data(), batch, dropout);
      loss = worker.pass.score(batch, true).loss_sum / batch;
      if (std::isfinite(loss)) worker.pass.backward(parameters, batch);
    }
    if (!std::isfinite(loss)) {
      losses[k] = kDivergedLoss;
      if (store) state.diverged = true;
      continue;
    }
    losses[k] = static_cast<float>(loss);
    step_layers(worker, replica, k, store, controls);
    if (store) ++state.steps;
  }
  const std::size_t layers = plan_.table.layers().size();
  worker.statistics.write(outputs.statistics + static_cast<std::size_t>(replica) * layers * kPopulationStatisticCount);
  if (outputs.validation != nullptr) validate(worker, network, outputs.validation + std::size_t{3} * replica);
}

void Population::step_layers(Worker& worker, std::uint32_t replica, std::uint32_t k, bool store,
                             const Controls& controls) {
  NetworkState& state = networks_[replica].state;
  const Hyperparameters& hyperparameters = options_.hyperparameters;
  const StepFunction step = step_function(options_.tier, {options_.algorithm, true, false});
  const std::size_t moments = moment_arenas(options_);
  float* parameters = state.arenas.data();
  const std::vector<LayerEntry>& layers = plan_.table.layers();
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const std::size_t control = replica * layers.size() + layer;
    float learning_rate = controls.learning_rates[control];
    if (controls.base_schedule != nullptr) learning_rate *= controls.base_schedule[k];
    StepScalars scalars = step_scalars(
        options_.algorithm, hyperparameters, static_cast<double>(learning_rate),
        controls.weight_decays == nullptr ? hyperparameters.weight_decay
                                          : static_cast<double>(controls.weight_decays[control]),
        controls.momenta == nullptr ? hyperparameters.momentum : static_cast<double>(controls.momenta[control]),
        state.steps + 1);
    scalars.store = store;
    LayerSums sums;
    for (std::uint32_t i = 0; i < layers[layer].array_count; ++i) {
      const ArrayExtent& extent = plan_.table.arrays()[layers[layer].first_array + i];
      StepArray array;
      array.parameters = parameters + extent.offset;
      array.gradients = worker.pass.gradients() + extent.offset;
      array.moment1 = moments > 0 ? parameters + arena() + extent.offset : nullptr;
      array.moment2 = moments > 1 ? parameters + 2 * arena() + extent.offset : nullptr;
      array.size = extent.size;
      step_array(step, array, scalars, &sums);
    }
    float statistics[kStepStatisticCount];
    finalize_statistics(sums, options_.algorithm, scalars, statistics);
    worker.statistics.add(layer, statistics, learning_rate);
    if (store && sums.parameter.count < static_cast<double>(layers[layer].size)) state.diverged = true;
  }
}

void Population::validate(Worker& worker, Network& network, float* out) {
  NetworkState& state = network.state;
  const std::size_t count = validation_images_.size();
  const auto classes = static_cast<std::size_t>(plan_.classes);
  double loss = 0, change = 0, change_squared = 0;
  std::int64_t correct = 0;
  {
    const FloatEnvironment flush(Denormals::kFlush);
    worker.pass.prepare(state.arenas.data(), false);
    for (std::size_t first = 0; first < count; first += static_cast<std::size_t>(plan_.capacity)) {
      const std::size_t samples = std::min(count - first, static_cast<std::size_t>(plan_.capacity));
      worker.pass.forward(state.arenas.data(), options_.source, validation_images_.data() + first,
                          static_cast<std::int64_t>(samples), {});
      const Pass::Score score = worker.pass.score(static_cast<std::int64_t>(samples), false);
      loss += score.loss_sum;
      correct += score.correct;
      for (std::size_t i = 0; i < samples; ++i) {
        const float* logits = worker.pass.logits(static_cast<std::int64_t>(i));
        float* last = state.logits.data() + (first + i) * classes;
        for (std::size_t c = 0; c < classes; ++c) {
          const double difference = static_cast<double>(logits[c]) - static_cast<double>(last[c]);
          change += difference;
          change_squared += difference * difference;
          last[c] = logits[c];
        }
      }
    }
  }
  loss /= static_cast<double>(count);
  const bool finite = std::isfinite(loss) && !state.diverged;
  const auto values = static_cast<double>(count * classes);
  const double mean = change / values;
  const double variance = std::max(change_squared / values - mean * mean, 0.0);
  out[0] = finite ? static_cast<float>(loss) : kDivergedLoss;
  out[1] = finite ? static_cast<float>(correct) / static_cast<float>(count) : 0.0f;
  out[2] = finite && state.has_logits && std::isfinite(variance) ? static_cast<float>(variance) : 0.0f;
  state.has_logits = finite;
}

void Population::evaluate_network(Worker& worker, Network& network, Split split, float* out) {
  const NetworkState& state = network.state;
  const std::vector<std::uint32_t>& images = split == Split::kTest         ? options_.test
                                             : split == Split::kValidation ? options_.validation
                                                                           : options_.train;
  // "Train" means what this network trains on: its slice.
  const std::size_t count = split == Split::kTrain ? options_.slice_size : images.size();
  const bool sliced = split == Split::kTrain && options_.slice_size < images.size();
  const Permutation slice(state.seed, Stream::kSlice, 0,
                          static_cast<std::uint32_t>(std::max<std::size_t>(images.size(), 1)));
  double loss = 0;
  std::int64_t correct = 0;
  const FloatEnvironment flush(Denormals::kFlush);
  worker.pass.prepare(state.arenas.data(), false);
  for (std::size_t first = 0; first < count; first += worker.images.size()) {
    if (cancelled()) return;
    const std::size_t samples = std::min(count - first, worker.images.size());
    for (std::size_t i = 0; i < samples; ++i) {
      const auto position = static_cast<std::uint32_t>(first + i);
      worker.images[i] = images[sliced ? slice(position) : position];
    }
    worker.pass.forward(state.arenas.data(), options_.source, worker.images.data(), static_cast<std::int64_t>(samples),
                        {});
    const Pass::Score score = worker.pass.score(static_cast<std::int64_t>(samples), false);
    loss += score.loss_sum;
    correct += score.correct;
  }
  loss /= static_cast<double>(count);
  const bool finite = std::isfinite(loss) && !state.diverged;
  out[0] = finite ? static_cast<float>(loss) : kDivergedLoss;
  out[1] = finite ? static_cast<float>(correct) / static_cast<float>(count) : 0.0f;
}

double Population::loss_and_gradient(std::uint32_t replica, std::span<const std::uint32_t> images, float* out) {
  const Lease lease(*this);
  Pass& pass = lease.worker().pass;
  const FloatEnvironment flush(Denormals::kFlush);
  const float* parameters = networks_[replica].state.arenas.data();
  const auto count = static_cast<std::int64_t>(images.size());
  pass.prepare(parameters, true);
  pass.forward(parameters, options_.source, images.data(), count, {});
  const double loss = pass.score(count, true).loss_sum / static_cast<double>(count);
  pass.backward(parameters, count);
  for (const ArrayExtent& array : plan_.table.arrays()) {
    std::memcpy(out, pass.gradients() + array.offset, array.size * sizeof(float));
    out += array.size;
  }
  return loss;
}

}  // namespace ganno

// What a population does with one network: train it, judge it.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/permutation.h"
#include "core/step_scalars.h"
#include "cpu/float_environment.h"
#include "cpu/network/worker.h"
#include "cpu/step_kernels.h"

namespace ganno {

void Population::train_network(Worker& worker, std::uint32_t index, std::uint32_t steps, bool store,
                               const Controls& controls, const Outputs& outputs) {
  Network& network = networks_[index];
  NetworkState& state = network.state;
  const std::uint32_t batch = options_.batch_size;
  // The ragged tail of an epoch is dropped: every batch has the same size and no image comes twice in an epoch.
  const std::uint64_t batches = options_.slice_size / batch;
  const bool sliced = options_.slice_size < options_.train.size();
  const Permutation slice(state.seed, Stream::kSlice, 0, static_cast<std::uint32_t>(options_.train.size()));
  float* losses = outputs.training_loss + static_cast<std::size_t>(index) * steps;
  std::fill(worker.statistics.begin(), worker.statistics.end(), LayerInterval{});
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
    const float* parameters = state.arenas.data();
    worker.pass.prepare(parameters, true);
    worker.pass.forward(parameters, nullptr, options_.source, worker.images.data(), batch, dropout);
    const double loss = worker.pass.score(batch, true).loss_sum / batch;
    if (!std::isfinite(loss)) {
      losses[k] = kDivergedLoss;
      if (store) state.diverged = true;
      continue;
    }
    worker.pass.backward(parameters, batch);
    losses[k] = static_cast<float>(loss);
    step_layers(worker, index, k, store, controls);
    if (!store) continue;
    ++state.steps;
    // A batch whose variance overflows has a finite loss all the same: everything is normalised to zero.
    if (!worker.pass.update_running(running_of(state))) state.diverged = true;
  }
  const std::size_t layers = worker.statistics.size();
  float* statistics = outputs.statistics + static_cast<std::size_t>(index) * layers * kPopulationStatisticCount;
  for (const LayerInterval& layer : worker.statistics) {
    layer.write(statistics);
    statistics += kPopulationStatisticCount;
  }
  if (outputs.validation != nullptr) validate(worker, network, outputs.validation + std::size_t{3} * index);
}

void Population::step_layers(Worker& worker, std::uint32_t index, std::uint32_t k, bool store,
                             const Controls& controls) {
  NetworkState& state = networks_[index].state;
  const Hyperparameters& hyperparameters = options_.hyperparameters;
  const StepFunction step = step_function(
      tier_, {.algorithm = options_.algorithm, .from_gradient = rules::lerps_from_gradient(hyperparameters)});
  const int moments = moment_count(options_.algorithm);
  float* parameters = state.arenas.data();
  const std::vector<LayerEntry>& layers = plan_.table.layers();
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const std::size_t control = index * layers.size() + layer;
    float learning_rate = controls.learning_rates[control];
    if (controls.base_schedule != nullptr) learning_rate *= controls.base_schedule[k];
    StepScalars scalars = rules::step_scalars(
        options_.algorithm, hyperparameters, rules::bias_corrections(hyperparameters, state.steps + 1),
        static_cast<double>(learning_rate),
        controls.weight_decays == nullptr ? hyperparameters.weight_decay
                                          : static_cast<double>(controls.weight_decays[control]),
        controls.momenta == nullptr ? hyperparameters.momentum : static_cast<double>(controls.momenta[control]), 1.0f);
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
    worker.statistics[layer].add(statistics, learning_rate);
    if (store && sums.parameter.count < static_cast<double>(layers[layer].size)) state.diverged = true;
  }
}

void Population::validate(Worker& worker, Network& network, float* out) {
  NetworkState& state = network.state;
  const std::size_t count = validation_images_.size();
  const auto classes = static_cast<std::size_t>(plan_.classes);
  double loss = 0, change = 0, change_squared = 0;
  std::int64_t correct = 0;
  worker.pass.prepare(state.arenas.data(), false);
  for (std::size_t first = 0; first < count; first += static_cast<std::size_t>(plan_.capacity)) {
    const std::size_t samples = std::min(count - first, static_cast<std::size_t>(plan_.capacity));
    worker.pass.forward(state.arenas.data(), running_of(state), options_.source, validation_images_.data() + first,
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
  loss /= static_cast<double>(count);
  const bool finite = std::isfinite(loss) && !state.diverged;
  const auto values = static_cast<double>(count * classes);
  const double mean = change / values;
  const double variance = std::max(change_squared / values - mean * mean, 0.0);
  out[0] = finite ? static_cast<float>(loss) : kDivergedLoss;
  out[1] = finite ? static_cast<float>(correct) / static_cast<float>(count) : 0.0f;
  // It may leave float32's range where the loss does not.
  const bool has_change = finite && state.has_logits && variance <= std::numeric_limits<float>::max();
  out[2] = has_change ? static_cast<float>(variance) : 0.0f;
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
  worker.pass.prepare(state.arenas.data(), false);
  for (std::size_t first = 0; first < count; first += worker.images.size()) {
    if (cancelled()) return;
    const std::size_t samples = std::min(count - first, worker.images.size());
    for (std::size_t i = 0; i < samples; ++i) {
      const auto position = static_cast<std::uint32_t>(first + i);
      worker.images[i] = images[sliced ? slice(position) : position];
    }
    worker.pass.forward(state.arenas.data(), running_of(state), options_.source, worker.images.data(),
                        static_cast<std::int64_t>(samples), {});
    const Pass::Score score = worker.pass.score(static_cast<std::int64_t>(samples), false);
    loss += score.loss_sum;
    correct += score.correct;
  }
  loss /= static_cast<double>(count);
  const bool finite = std::isfinite(loss) && !state.diverged;
  out[0] = finite ? static_cast<float>(loss) : kDivergedLoss;
  out[1] = finite ? static_cast<float>(correct) / static_cast<float>(count) : 0.0f;
}

double Population::loss_and_gradient(std::uint32_t index, std::span<const std::uint32_t> images, float* out) {
  const Lease lease(*this);
  Pass& pass = lease.worker().pass;
  const FloatEnvironment environment(Denormals::kFlush);
  const float* parameters = networks_[index].state.arenas.data();
  const auto count = static_cast<std::int64_t>(images.size());
  pass.prepare(parameters, true);
  pass.forward(parameters, nullptr, options_.source, images.data(), count, {});
  const double loss = pass.score(count, true).loss_sum / static_cast<double>(count);
  pass.backward(parameters, count);
  for (const ArrayExtent& array : plan_.table.arrays()) {
    std::memcpy(out, pass.gradients() + array.offset, array.size * sizeof(float));
    out += array.size;
  }
  return loss;
}

}  // namespace ganno

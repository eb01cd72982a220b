// What a population does with its networks: train them, judge them.
#include <algorithm>

#include "cuda/network/population.h"

namespace ganno::cuda {

Progress Population::progress(const Wave& wave, bool store) const {
  return {status_.data() + wave.first, active_.data(), step_.data() + wave.first, begin_.data(), store ? 1u : 0u};
}

BatchSelection Population::selection(const Wave& wave, bool store) const {
  return {progress(wave, store), train_.data(),       static_cast<std::uint32_t>(options_.train.size()),
          options_.slice_size,   options_.batch_size, pass_->numbers()};
}

bool Population::train(std::uint32_t steps, const Controls& controls, const Outputs& outputs) {
  return run(steps, true, controls, outputs);
}

bool Population::probe(std::uint32_t batches, const Controls& controls, const Outputs& outputs) {
  return run(batches, false, controls, outputs);
}

bool Population::run(std::uint32_t steps, bool store, const Controls& controls, const Outputs& outputs) {
  return on_device([&] {
    if (cancelled()) return false;
    stepper_->upload_controls(controls, stream_);
    stepper_->clear(stream_);
    step_.clear(stream_);
    for (const Wave& wave : waves()) {
      if (!run_wave(wave, steps, store, controls, outputs)) return false;
    }
    stepper_->take_statistics(outputs.statistics);
    return true;
  });
}

bool Population::run_wave(const Wave& wave, std::uint32_t steps, bool store, const Controls& controls,
                          const Outputs& outputs) {
  // Parts of the same size, so that a few graphs serve a call, and the next.
  const std::uint32_t parts = (steps + kPartSteps - 1) / kPartSteps;
  const std::uint32_t size = (steps + parts - 1) / parts;
  for (std::uint32_t begin = 0; begin < steps; begin += size) {
    if (begin > 0 && cancelled()) return false;
    const std::uint32_t count = std::min(size, steps - begin);
    *host_begin_.data() = begin;
    begin_.upload(host_begin_.span(), stream_);
    stepper_->upload_schedule(controls.base_schedule == nullptr ? nullptr : controls.base_schedule + begin, count,
                              stream_);
    const bool ends = begin + count == steps;
    const bool validates = ends && outputs.validation != nullptr;
    part({wave.first, count, store, validates}, wave).launch(stream_);
    training_loss_.download(host_training_loss_.span().first(std::size_t{wave.networks} * count), stream_);
    if (validates) queue_scores(wave, 3);
    if (ends && wave.first + wave.networks == options_.networks) stepper_->queue_statistics(stream_);
    stream_.synchronize();
    take_losses(wave, begin, count, steps, outputs.training_loss);
    if (validates) take_scores(wave, 3, outputs.validation);
  }
  return true;
}

/// Losses of the steps [begin, begin + count) of a call of `steps`. @param out [networks x steps]
void Population::take_losses(const Wave& wave, std::uint32_t begin, std::uint32_t count, std::uint32_t steps,
                             float* out) const {
  for (std::uint32_t i = 0; i < wave.networks; ++i) {
    std::copy_n(host_training_loss_.data() + std::size_t{i} * count, count,
                out + std::size_t{wave.first + i} * steps + begin);
  }
}

const Graph& Population::part(const PartKey& key, const Wave& wave) {
  constexpr std::size_t kGraphs = 16;  // a caller with ever new numbers of steps must not fill the device with graphs
  const auto found = graphs_.find(key);
  if (found != graphs_.end()) return found->second;
  if (graphs_.size() >= kGraphs) {
    stream_.synchronize();
    graphs_.clear();
  }
  Graph graph = Graph::capture(stream_, [&] {
    for (std::uint32_t k = 0; k < key.steps; ++k) record_step(wave, key.steps, key.store);
    if (!key.validates) return;
    scores_.clear(stream_);
    for (std::uint32_t first = 0; first < options_.validation_size; first += capacity()) {
      add_scores(wave, validation_subset_.data(), first, std::min(capacity(), options_.validation_size - first), true);
    }
    finish_scores(wave, options_.validation_size, true);
  });
  return graphs_.emplace(key, std::move(graph)).first->second;
}

void Population::record_step(const Wave& wave, std::uint32_t part_steps, bool store) {
  const PerNetwork<std::uint32_t> numbers = pass_->numbers();
  Batch batch;
  batch.first = wave.first;
  batch.networks = wave.networks;
  batch.samples = options_.batch_size;
  batch.numbers = {numbers.data, numbers.stride};
  batch.training = true;
  batch.batch_statistics = true;
  batch.progress = progress(wave, store);
  launch_select_batch(stream_, wave.networks, selection(wave, store));
  pass_->forward(stream_, batch, true);
  BatchScore loss;
  loss.losses = {pass_->losses().data, pass_->losses().stride};
  loss.samples = options_.batch_size;
  loss.progress = batch.progress;
  loss.training_loss = training_loss_.data();
  loss.part_steps = part_steps;
  launch_training_loss(stream_, wave.networks, loss);
  pass_->backward(stream_, batch);
  pass_->update_running(stream_, batch);
  stepper_->launch(stream_, wave.first, wave.networks, batch.progress);
}

/// Adds a batch to every network's scores: of `images`, or where that is null of each network's own slice.
/// @param change also how the logits have changed since the last validation, of which this is batch [first, ...)
void Population::add_scores(const Wave& wave, const std::uint32_t* images, std::uint32_t first, std::uint32_t samples,
                            bool change) {
  const auto classes = static_cast<std::uint32_t>(plan_.shape.classes());
  Batch batch;
  batch.first = wave.first;
  batch.networks = wave.networks;
  batch.samples = samples;
  if (images == nullptr) {
    launch_select_slice(stream_, wave.networks, selection(wave, true), first, samples);
    batch.numbers = {pass_->numbers().data, pass_->numbers().stride};
  } else {
    batch.numbers = {images + first, 0};
  }
  pass_->forward(stream_, batch, false);
  BatchScore scored;
  scored.losses = {pass_->losses().data, pass_->losses().stride};
  scored.correct = {pass_->correct().data, pass_->correct().stride};
  scored.logits = {pass_->logits().data, pass_->logits().stride};
  if (change) {
    scored.last_logits = {logits(wave.first) + std::size_t{first} * classes,
                          static_cast<std::int64_t>(logits_floats())};
  }
  scored.samples = samples;
  scored.classes = classes;
  scored.scores = scores_.data();
  launch_add_score(stream_, wave.networks, scored);
}

void Population::finish_scores(const Wave& wave, std::uint32_t count, bool change) {
  launch_finish_score(stream_, wave.networks, status_.data() + wave.first, scores_.data(), count,
                      static_cast<std::uint32_t>(plan_.shape.classes()), change, results_.data());
}

/// Queues the copy of a wave's results, `each` a network.
void Population::queue_scores(const Wave& wave, std::size_t each) {
  results_.download(host_results_.span().first(each * wave.networks), stream_);
}

/// Puts them where they belong in `out`.
void Population::take_scores(const Wave& wave, std::size_t each, float* out) const {
  std::copy_n(host_results_.data(), each * wave.networks, out + each * wave.first);
}

bool Population::evaluate(Split split, float* out) {
  return on_device([&] {
    // "Train" means what each network trains on: its slice.
    const bool sliced = split == Split::kTrain && options_.slice_size < options_.train.size();
    const std::uint32_t* images = split == Split::kTest         ? test_.data()
                                  : split == Split::kValidation ? validation_.data()
                                  : sliced                      ? nullptr
                                                                : train_.data();
    const std::size_t size = split == Split::kTest         ? options_.test.size()
                             : split == Split::kValidation ? options_.validation.size()
                                                           : options_.slice_size;
    const auto count = static_cast<std::uint32_t>(size);
    for (const Wave& wave : waves()) {
      scores_.clear(stream_);
      for (std::uint32_t first = 0; first < count; first += capacity()) {
        if (cancelled()) return false;
        add_scores(wave, images, first, std::min(capacity(), count - first), false);
      }
      finish_scores(wave, count, false);
      queue_scores(wave, 2);
      stream_.synchronize();
      take_scores(wave, 2, out);
    }
    return true;
  });
}

}  // namespace ganno::cuda

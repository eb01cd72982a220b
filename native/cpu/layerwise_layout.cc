// How a layerwise step is laid out, once: moments, pieces, tasks of threads, kernels. layerwise_step.cc runs it.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

#include "core/layer_table.h"
#include "core/step_scalars.h"
#include "cpu/layerwise_step.h"

namespace ganno {

namespace {

// A layer of at most so many pieces (2 MiB of gradients, parameters and two moments) is measured and stepped by one
// thread while in its cache; a larger one by all threads, pass after pass.
constexpr std::uint32_t kPiecesInCache = 2;

std::uint64_t padded(std::uint64_t size) {
  return (size + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

StepFunction step_function_for(const LayerwiseOptions& options, bool statistics) {
  return step_function(options.tier, {.algorithm = options.algorithm,
                                      .statistics = statistics,
                                      .clip = options.clip_layer_norm > 0 || options.clip_global_norm > 0,
                                      .from_gradient = rules::lerps_from_gradient(options.hyperparameters)});
}

std::vector<std::uint8_t> decays_of(std::span<const ArrayBinding> arrays) {
  std::vector<std::uint8_t> decays;
  for (const ArrayBinding& array : arrays) decays.push_back(array.decays);
  return decays;
}

}  // namespace

void CpuStep::Free::operator()(float* memory) const {
  std::free(memory);
}

CpuStep::CpuStep(const LayerwiseOptions& options, std::span<const ArrayBinding> arrays,
                 std::span<const std::uint32_t> arrays_per_layer, std::span<const std::uint8_t> adapt)
    : options_(options),
      with_statistics_(step_function_for(options, true)),
      without_statistics_(step_function_for(options, false)),
      observe_(step_function(options.tier, {.algorithm = options.algorithm, .observe = true})),
      finalize_(finalize_function(options.tier, options.algorithm)),
      measure_gradient_(measure_function(options.tier, {})),
      by_layer_(rule_traits(options.algorithm).trust_ratio ||
                (options.clip_layer_norm > 0 && options.clip_global_norm == 0)),
      adapt_(arrays_per_layer.size(), 1),
      cohorts_(arrays_per_layer, decays_of(arrays)),
      moment_corrections_(arrays_per_layer.size()),
      skipped_(arrays_per_layer.size()) {
  const int moments = moment_count(options.algorithm);
  for (const ArrayBinding& array : arrays) moment_floats_ += padded(array.size) * static_cast<std::uint64_t>(moments);
  if (moment_floats_ > 0) {
    moments_.reset(
        static_cast<float*>(std::aligned_alloc(kArenaAlignment * sizeof(float), moment_floats_ * sizeof(float))));
    if (!moments_) throw std::bad_alloc();
    std::memset(moments_.get(), 0, moment_floats_ * sizeof(float));
  }
  std::uint64_t bytes = moment_floats_ * sizeof(float);
  for (const ArrayBinding& array : arrays) bytes += 2 * array.size * sizeof(float);
  const bool prefetch = bytes >= prefetch_from_bytes();
  float* next_moment = moments_.get();
  for (const ArrayBinding& array : arrays) {
    StepArray bound{array.parameters, array.gradients, nullptr, nullptr, array.size, prefetch};
    for (float** moment : {&bound.moment1, &bound.moment2}) {
      if (moment == &bound.moment1 ? moments < 1 : moments < 2) continue;
      *moment = next_moment;
      next_moment += padded(array.size);
    }
    arrays_.push_back(bound);
  }

  std::size_t next_array = 0;
  std::uint64_t elements_in_task = 0;
  for (std::uint32_t layer = 0; layer < arrays_per_layer.size(); ++layer) {
    const auto first_piece = static_cast<std::uint32_t>(pieces_.size());
    for (std::uint32_t i = 0; i < arrays_per_layer[layer]; ++i) {
      const StepArray& array = arrays_[next_array++];
      for (std::uint64_t begin = 0; begin < array.size; begin += kPieceSize) {
        const std::uint64_t size = std::min<std::uint64_t>(kPieceSize, array.size - begin);
        pieces_.push_back({slice(array, begin, size), layer, 0, nullptr, {}, 0});
        elements_in_task += size;
        if (elements_in_task >= kPieceSize) {
          task_ends_.push_back(static_cast<std::uint32_t>(pieces_.size()));
          elements_in_task = 0;
        }
      }
    }
    layers_.push_back({first_piece, static_cast<std::uint32_t>(pieces_.size()) - first_piece, {}});
  }
  if (elements_in_task > 0) task_ends_.push_back(static_cast<std::uint32_t>(pieces_.size()));
  assign_cohorts();

  layer_sums_.resize(layers_.size());
  std::size_t shared = 0;
  for (const Layer& layer : layers_) shared += layer.piece_count > 1 ? layer.piece_count : 0;
  piece_sums_.resize(shared);
  LayerSums* next_sums = piece_sums_.data();
  for (Piece& piece : pieces_) {
    piece.sums = layers_[piece.layer].piece_count > 1 ? next_sums++ : &layer_sums_[piece.layer];
  }

  std::uint64_t elements = 0;
  for (const StepArray& array : arrays_) elements += array.size;
  if (elements < kElementsWorthThreads) options_.threads = 1;

  if (!adapt.empty()) adapt_.assign(adapt.begin(), adapt.end());
  if (adapt_.size() != layers_.size()) throw std::invalid_argument("adapt does not have an entry for every layer");
  if (rule_traits(options.algorithm).trust_ratio) {
    measure_trust_ =
        measure_function(options.tier, {.trust = true,
                                        .algorithm = options.algorithm,
                                        .from_gradient = rules::lerps_from_gradient(options.hyperparameters)});
  }
  if (by_layer_) plan_layer_tasks();
}

std::uint64_t CpuStep::bytes() const {
  return moment_floats_ * sizeof(float) + pieces_.capacity() * sizeof(Piece) + arrays_.capacity() * sizeof(StepArray) +
         piece_sums_.capacity() * sizeof(LayerSums) +
         layers_.size() * (sizeof(Layer) + sizeof(LayerSums) + sizeof(double)) +
         cohorts_.all().size() * (sizeof(StepScalars) + sizeof(Cohort));
}

void CpuStep::assign_cohorts() {
  auto piece = pieces_.begin();
  for (std::size_t array = 0; array < arrays_.size(); ++array) {
    for (std::uint64_t begin = 0; begin < arrays_[array].size; begin += kPieceSize) {
      (piece++)->cohort = cohorts_.of_array(array);
    }
  }
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) layers_[layer].cohorts = cohorts_.of_layer(layer);
  scalars_.assign(cohorts_.all().size(), {});
  applied_.clear();  // these scalars were computed from nothing yet
}

std::vector<std::uint64_t> CpuStep::steps() const {
  std::vector<std::uint64_t> steps;
  for (std::size_t array = 0; array < arrays_.size(); ++array) {
    steps.push_back(cohorts_.all()[cohorts_.of_array(array)].steps);
  }
  return steps;
}

void CpuStep::write_steps(std::span<const std::uint64_t> steps) {
  cohorts_.regroup(steps);
  assign_cohorts();
}

// Rules that need norms of a layer before its step (LARS, LAMB, clipping by layer) take passes over that layer. The
// norm of the parameters is not carried over from the step before: the arrays are the caller's.
void CpuStep::plan_layer_tasks() {
  std::uint64_t elements_in_task = 0;
  for (std::uint32_t layer = 0; layer < layers_.size(); ++layer) {
    const Layer& found = layers_[layer];
    if (found.piece_count > kPiecesInCache) {
      large_layers_.push_back(layer);
      continue;
    }
    small_layers_.push_back(layer);
    for (std::uint32_t i = 0; i < found.piece_count; ++i) {
      elements_in_task += pieces_[found.first_piece + i].elements.size;
    }
    if (elements_in_task >= kPieceSize) {
      small_layer_ends_.push_back(static_cast<std::uint32_t>(small_layers_.size()));
      elements_in_task = 0;
    }
  }
  if (small_layer_ends_.empty() || small_layer_ends_.back() != small_layers_.size()) {
    small_layer_ends_.push_back(static_cast<std::uint32_t>(small_layers_.size()));
  }
}

std::span<float> CpuStep::moment(std::size_t array, int which, std::size_t size) const {
  if (array >= arrays_.size() || which < 0 || which >= moment_count(options_.algorithm)) {
    throw std::invalid_argument("there is no such array or moment");
  }
  const StepArray& found = arrays_[array];
  if (found.size != size) throw std::invalid_argument("the moment has another number of elements");
  return {which == 0 ? found.moment1 : found.moment2, size};
}

void CpuStep::read_moment(std::size_t array, int which, std::span<float> out) const {
  std::ranges::copy(moment(array, which, out.size()), out.begin());
}

void CpuStep::write_moment(std::size_t array, int which, std::span<const float> values) {
  std::ranges::copy(values, moment(array, which, values.size()).begin());
}

}  // namespace ganno

#include "cpu/layerwise_step.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

#include "core/layer_table.h"
#include "core/step_scalars.h"
#include "cpu/thread_pool.h"

namespace ganno {

namespace {

// A layer of at most so many pieces (2 MiB of gradients, parameters and two moments) is measured and stepped by one
// thread while in its cache; a larger one by all threads, pass after pass.
constexpr std::uint32_t kPiecesInCache = 2;

std::uint64_t padded(std::uint64_t size) {
  return (size + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

bool clips(const LayerwiseStep::Options& options) {
  return options.clip_layer_norm > 0 || options.clip_global_norm > 0;
}

}  // namespace

void LayerwiseStep::Free::operator()(float* memory) const {
  std::free(memory);
}

LayerwiseStep::LayerwiseStep(const Options& options, std::span<const ArrayBinding> arrays,
                             std::span<const std::uint32_t> arrays_per_layer, std::span<const std::uint8_t> adapt)
    : options_(options),
      with_statistics_(step_function(options.tier, {options.algorithm, true, false, clips(options)})),
      without_statistics_(step_function(options.tier, {options.algorithm, false, false, clips(options)})),
      observe_(step_function(options.tier, {options.algorithm, true, true})),
      finalize_(finalize_function(options.tier, options.algorithm)),
      measure_gradient_(measure_function(options.tier, Measured::kGradient)),
      by_layer_(has_trust_ratio(options.algorithm) || (options.clip_layer_norm > 0 && options.clip_global_norm == 0)),
      adapt_(arrays_per_layer.size(), 1),
      steps_(arrays_per_layer.size()),
      scalars_(arrays_per_layer.size()),
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
      const StepArray& array = arrays_.at(next_array++);
      for (std::uint64_t begin = 0; begin < array.size; begin += kPieceSize) {
        const std::uint64_t size = std::min<std::uint64_t>(kPieceSize, array.size - begin);
        pieces_.push_back({slice(array, begin, size), layer, nullptr, {}, 0});
        elements_in_task += size;
        if (elements_in_task >= kPieceSize) {
          task_ends_.push_back(static_cast<std::uint32_t>(pieces_.size()));
          elements_in_task = 0;
        }
      }
    }
    layers_.push_back({first_piece, static_cast<std::uint32_t>(pieces_.size()) - first_piece});
  }
  if (next_array != arrays_.size()) throw std::invalid_argument("the layers do not own every array exactly once");
  if (elements_in_task > 0) task_ends_.push_back(static_cast<std::uint32_t>(pieces_.size()));

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
  if (has_trust_ratio(options.algorithm)) {
    const Measured measured = options.algorithm == Algorithm::kLars ? Measured::kLars : Measured::kLamb;
    measure_trust_ = measure_function(options.tier, measured);
  }
  if (by_layer_) plan_layer_tasks();
}

std::uint64_t LayerwiseStep::bytes() const {
  return moment_floats_ * sizeof(float) + pieces_.capacity() * sizeof(Piece) + arrays_.capacity() * sizeof(StepArray) +
         piece_sums_.capacity() * sizeof(LayerSums) +
         layers_.size() * (sizeof(Layer) + sizeof(LayerSums) + sizeof(StepScalars) + 2 * sizeof(std::uint64_t));
}

template <typename Function>
void LayerwiseStep::for_each_piece(Function&& function) {
  parallel_for(task_ends_.size(), options_.threads, [&](std::size_t task) {
    const std::uint32_t begin = task == 0 ? 0 : task_ends_[task - 1];
    for (std::uint32_t i = begin; i < task_ends_[task]; ++i) function(pieces_[i]);
  });
}

void LayerwiseStep::decide_skips(float inverse_scale) {
  std::fill(skipped_.begin(), skipped_.end(), std::uint8_t{0});
  const bool by_layer = options_.non_finite == NonFinitePolicy::kSkipLayer;
  if (!by_layer && options_.non_finite != NonFinitePolicy::kSkipNetwork) return;
  for_each_piece([&](Piece& piece) {
    piece.non_finite = count_non_finite(options_.tier, piece.elements.gradients, piece.elements.size, inverse_scale);
  });
  bool any = false;
  for (const Piece& piece : pieces_) {
    if (piece.non_finite == 0) continue;
    skipped_[piece.layer] = 1;
    any = true;
  }
  if (any && !by_layer) std::fill(skipped_.begin(), skipped_.end(), std::uint8_t{1});
}

// A small layer takes less time to step than its scalars take to compute, so they are kept while the controls stay as
// they are. Rules with norms of their own change them (clip, trust), and skipped layers have others.
void LayerwiseStep::compute_scalars(std::span<const double> controls, float inverse_scale, bool store) {
  const bool propagate = options_.non_finite == NonFinitePolicy::kPropagate;
  const bool lasting = !by_layer_ && options_.clip_global_norm == 0 &&
                       (propagate || options_.non_finite == NonFinitePolicy::kSkipElement);
  const bool kept = lasting && applied_.size() == controls.size() && applied_inverse_scale_ == inverse_scale &&
                    applied_store_ == store &&
                    std::memcmp(applied_.data(), controls.data(), controls.size_bytes()) == 0;
  const bool corrected = corrects_bias(options_.algorithm);
  if (kept && !corrected) return;
  BiasCorrections corrections;  // layers that were born together share them
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    const double* control = &controls[layer * kControlCount];
    // A skipped layer's moments are those of its last step.
    const std::uint64_t step = skipped_[layer] ? steps_[layer] : steps_[layer] + 1;
    if (step != corrections.step) corrections = rules::bias_corrections(options_.hyperparameters, step);
    StepScalars& scalars = scalars_[layer];
    if (kept) {
      rules::correct_scalars(scalars, options_.algorithm, corrections, control[kControlLearningRate]);
      continue;
    }
    rules::write_step_scalars(scalars, options_.algorithm, options_.hyperparameters, corrections,
                              control[kControlLearningRate], control[kControlWeightDecay], control[kControlMomentum],
                              inverse_scale);
    scalars.store = store && !skipped_[layer];
    scalars.propagate = propagate;
  }
  if (!lasting || kept) return;
  applied_.assign(controls.begin(), controls.end());
  applied_inverse_scale_ = inverse_scale;
  applied_store_ = store;
}

// Rules that need norms of a layer before its step (LARS, LAMB, clipping by layer) take passes over that layer. The
// norm of the parameters is not carried over from the step before: the arrays are the caller's, who may write to them.
void LayerwiseStep::plan_layer_tasks() {
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

PieceNorms LayerwiseStep::layer_norms(std::size_t layer) const {
  PieceNorms sums;
  for (std::uint32_t i = 0; i < layers_[layer].piece_count; ++i) {
    const PieceNorms& norms = pieces_[layers_[layer].first_piece + i].norms;
    sums.parameter_squared += norms.parameter_squared;
    sums.direction_squared += norms.direction_squared;
  }
  return sums;
}

/// Clips by layer first, where both are asked for, then by the norm of what that leaves. Skipped layers do not count.
void LayerwiseStep::clip_by_global_norm() {
  for_each_piece([&](Piece& piece) {
    if (!skipped_[piece.layer]) measure_gradient_(piece.elements, scalars_[piece.layer], &piece.norms);
  });
  std::vector<double> coefficients(layers_.size(), 1.0);
  double squared = 0;
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    if (skipped_[layer]) continue;
    double norm = std::sqrt(layer_norms(layer).direction_squared);
    if (options_.clip_layer_norm > 0) coefficients[layer] = clip_coefficient(norm, options_.clip_layer_norm);
    norm *= coefficients[layer];
    squared += norm * norm;
  }
  const double global = clip_coefficient(std::sqrt(squared), options_.clip_global_norm);
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    scalars_[layer].clip = static_cast<float>(coefficients[layer] * global);
  }
}

template <typename ForEachPiece>
void LayerwiseStep::measure_layer(std::size_t layer, std::span<const double> controls, ForEachPiece&& for_each) {
  if (skipped_[layer]) return;
  StepScalars& scalars = scalars_[layer];
  if (options_.clip_layer_norm > 0 && options_.clip_global_norm == 0) {
    for_each([&](Piece& piece) { measure_gradient_(piece.elements, scalars, &piece.norms); });
    const double norm = std::sqrt(layer_norms(layer).direction_squared);
    scalars.clip = static_cast<float>(clip_coefficient(norm, options_.clip_layer_norm));
  }
  if (measure_trust_ != nullptr && adapt_[layer]) {
    for_each([&](Piece& piece) { measure_trust_(piece.elements, scalars, &piece.norms); });
    const PieceNorms norms = layer_norms(layer);
    const double* control = &controls[layer * kControlCount];
    apply_trust_ratio(options_.algorithm, options_.hyperparameters, control[kControlLearningRate],
                      control[kControlWeightDecay], std::sqrt(norms.parameter_squared),
                      std::sqrt(norms.direction_squared), scalars);
  }
}

template <typename StepPiece>
void LayerwiseStep::step_by_layer(std::span<const double> controls, StepPiece&& step_piece) {
  parallel_for(small_layer_ends_.size(), options_.threads, [&](std::size_t task) {
    for (std::uint32_t i = task == 0 ? 0 : small_layer_ends_[task - 1]; i < small_layer_ends_[task]; ++i) {
      const std::uint32_t layer = small_layers_[i];
      const std::span<Piece> own(pieces_.data() + layers_[layer].first_piece, layers_[layer].piece_count);
      measure_layer(layer, controls, [&](auto&& measure) {
        for (Piece& piece : own) measure(piece);
      });
      for (std::size_t j = own.size(); j-- > 0;) step_piece(own[j]);
    }
  });
  for (const std::uint32_t layer : large_layers_) {
    const std::span<Piece> own(pieces_.data() + layers_[layer].first_piece, layers_[layer].piece_count);
    measure_layer(layer, controls, [&](auto&& measure) {
      parallel_for(own.size(), options_.threads, [&](std::size_t i) { measure(own[i]); });
    });
    // Backwards: what was measured last is still in cache.
    parallel_for(own.size(), options_.threads, [&](std::size_t i) { step_piece(own[own.size() - 1 - i]); });
  }
}

void LayerwiseStep::write_statistics(float* statistics) {
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    moment_corrections_[layer] = scalars_[layer].moment_correction;
    const std::uint32_t count = layers_[layer].piece_count;
    if (count <= 1) continue;
    const Piece* own = &pieces_[layers_[layer].first_piece];
    layer_sums_[layer] = *own[0].sums;
    for (std::uint32_t i = 1; i < count; ++i) add_sums(layer_sums_[layer], *own[i].sums);
  }
  finalize_(layer_sums_.data(), moment_corrections_.data(), layers_.size(), statistics);
}

void LayerwiseStep::step(std::span<const double> controls, float inverse_scale, float* statistics, bool store) {
  const FloatEnvironment environment(options_.denormals);
  decide_skips(inverse_scale);
  compute_scalars(controls, inverse_scale, store);
  if (options_.clip_global_norm > 0) clip_by_global_norm();
  const auto run = [&](auto&& step_piece) {
    if (by_layer_) {
      step_by_layer(controls, step_piece);
    } else {
      for_each_piece(step_piece);
    }
  };
  if (statistics == nullptr) {
    if (!store) return;
    run([&](Piece& piece) {
      if (!skipped_[piece.layer]) without_statistics_(piece.elements, scalars_[piece.layer], nullptr);
    });
  } else {
    run([&](Piece& piece) {
      const StepFunction function = skipped_[piece.layer] ? observe_ : with_statistics_;
      function(piece.elements, scalars_[piece.layer], piece.sums);
    });
    write_statistics(statistics);
  }
  if (!store) return;
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) steps_[layer] += 1u - skipped_[layer];
}

std::span<float> LayerwiseStep::moment(std::size_t array, int which) {
  if (array >= arrays_.size() || which < 0 || which >= moment_count(options_.algorithm)) {
    throw std::invalid_argument("there is no such array or moment");
  }
  const StepArray& found = arrays_[array];
  return {which == 0 ? found.moment1 : found.moment2, found.size};
}

}  // namespace ganno

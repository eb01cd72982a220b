// Runs a layerwise step as layerwise_layout.cc laid it out.
#include "cpu/layerwise_step.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/step_scalars.h"
#include "cpu/float_environment.h"
#include "cpu/thread_pool.h"

namespace ganno {

template <typename Function>
void CpuStep::for_each_piece(Function&& function) {
  parallel_for(task_ends_.size(), options_.threads, [&](std::size_t task) {
    const std::uint32_t begin = task == 0 ? 0 : task_ends_[task - 1];
    for (std::uint32_t i = begin; i < task_ends_[task]; ++i) function(pieces_[i]);
  });
}

void CpuStep::decide_skips(float inverse_scale) {
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
void CpuStep::compute_scalars(std::span<const double> controls, float inverse_scale, bool store) {
  const bool propagate = options_.non_finite == NonFinitePolicy::kPropagate;
  const bool lasting = !by_layer_ && options_.clip_global_norm == 0 &&
                       (propagate || options_.non_finite == NonFinitePolicy::kSkipElement);
  const bool kept = lasting && applied_.size() == controls.size() && applied_inverse_scale_ == inverse_scale &&
                    applied_store_ == store &&
                    std::memcmp(applied_.data(), controls.data(), controls.size_bytes()) == 0;
  const bool corrected = rule_traits(options_.algorithm).corrects_bias;
  if (kept && !corrected) return;
  BiasCorrections corrections;  // cohorts that were born together share them
  const std::span<const Cohort> cohorts = cohorts_.all();
  for (std::size_t cohort = 0; cohort < cohorts.size(); ++cohort) {
    const std::size_t layer = cohorts[cohort].layer;
    const double* control = &controls[layer * kControlCount];
    // A skipped layer's moments are those of its last step.
    const std::uint64_t step = skipped_[layer] ? cohorts[cohort].steps : cohorts[cohort].steps + 1;
    if (step != corrections.step) corrections = rules::bias_corrections(options_.hyperparameters, step);
    StepScalars& scalars = scalars_[cohort];
    if (kept) {
      rules::correct_scalars(scalars, options_.algorithm, corrections, control[kControlLearningRate]);
      continue;
    }
    rules::write_step_scalars(scalars, options_.algorithm, options_.hyperparameters, corrections,
                              control[kControlLearningRate], cohorts[cohort].weight_decay(control[kControlWeightDecay]),
                              control[kControlMomentum], inverse_scale);
    scalars.store = store && !skipped_[layer];
    scalars.propagate = propagate;
  }
  if (!lasting || kept) return;
  applied_.assign(controls.begin(), controls.end());
  applied_inverse_scale_ = inverse_scale;
  applied_store_ = store;
}

PieceNorms CpuStep::layer_norms(std::size_t layer) const {
  PieceNorms sums;
  for (std::uint32_t i = 0; i < layers_[layer].piece_count; ++i) {
    const PieceNorms& norms = pieces_[layers_[layer].first_piece + i].norms;
    sums.parameter_squared += norms.parameter_squared;
    sums.direction_squared += norms.direction_squared;
  }
  return sums;
}

std::span<StepScalars> CpuStep::scalars_of(std::size_t layer) {
  return std::span(scalars_).subspan(layers_[layer].cohorts.first, layers_[layer].cohorts.count);
}

/// Clips by layer first, where both are asked for, then by the norm of what that leaves. Skipped layers do not count.
void CpuStep::clip_by_global_norm() {
  for_each_piece([&](Piece& piece) {
    if (!skipped_[piece.layer]) measure_gradient_(piece.elements, scalars_[piece.cohort], &piece.norms);
  });
  std::vector<double> coefficients(layers_.size(), 1.0);
  double squared = 0;
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    if (skipped_[layer]) continue;
    double norm = std::sqrt(layer_norms(layer).direction_squared);
    if (options_.clip_layer_norm > 0) coefficients[layer] = rules::clip_coefficient(norm, options_.clip_layer_norm);
    norm *= coefficients[layer];
    squared += norm * norm;
  }
  const double global = rules::clip_coefficient(std::sqrt(squared), options_.clip_global_norm);
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    for (StepScalars& scalars : scalars_of(layer)) scalars.clip = static_cast<float>(coefficients[layer] * global);
  }
}

template <typename ForEachPiece>
void CpuStep::measure_layer(std::size_t layer, std::span<const double> controls, ForEachPiece&& for_each) {
  if (skipped_[layer]) return;
  const std::span<StepScalars> own = scalars_of(layer);
  if (options_.clip_layer_norm > 0 && options_.clip_global_norm == 0) {
    for_each([&](Piece& piece) { measure_gradient_(piece.elements, scalars_[piece.cohort], &piece.norms); });
    const double norm = std::sqrt(layer_norms(layer).direction_squared);
    const auto clip = static_cast<float>(rules::clip_coefficient(norm, options_.clip_layer_norm));
    for (StepScalars& scalars : own) scalars.clip = clip;
  }
  if (measure_trust_ != nullptr && adapt_[layer]) {
    for_each([&](Piece& piece) { measure_trust_(piece.elements, scalars_[piece.cohort], &piece.norms); });
    const PieceNorms norms = layer_norms(layer);
    const double* control = &controls[layer * kControlCount];
    const Cohort* cohort = cohorts_.all().data() + layers_[layer].cohorts.first;
    for (StepScalars& scalars : own) {
      rules::apply_trust_ratio(options_.algorithm, options_.hyperparameters, control[kControlLearningRate],
                               (cohort++)->weight_decay(control[kControlWeightDecay]),
                               std::sqrt(norms.parameter_squared), std::sqrt(norms.direction_squared), scalars);
    }
  }
}

template <typename StepPiece>
void CpuStep::step_by_layer(std::span<const double> controls, StepPiece&& step_piece) {
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

void CpuStep::write_statistics(float* statistics) {
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    const CohortRange& cohorts = layers_[layer].cohorts;
    const std::uint32_t count = layers_[layer].piece_count;
    const Piece* own = pieces_.data() + layers_[layer].first_piece;
    moment_corrections_[layer] = cohorts.one_age ? scalars_[cohorts.first].moment_correction : 1;
    if (!cohorts.one_age) {
      for (std::uint32_t i = 0; i < count; ++i)
        correct_moments(*own[i].sums, scalars_[own[i].cohort].moment_correction);
    }
    if (count <= 1) continue;
    layer_sums_[layer] = *own[0].sums;
    for (std::uint32_t i = 1; i < count; ++i) add_sums(layer_sums_[layer], *own[i].sums);
  }
  finalize_(layer_sums_.data(), moment_corrections_.data(), layers_.size(), statistics);
}

void CpuStep::step(std::span<const double> controls, float inverse_scale, float* statistics, bool store) {
  const FloatEnvironment environment(options_.flush_denormals ? Denormals::kFlush : Denormals::kKeep);
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
      if (!skipped_[piece.layer]) without_statistics_(piece.elements, scalars_[piece.cohort], nullptr);
    });
  } else {
    run([&](Piece& piece) {
      const StepFunction function = skipped_[piece.layer] ? observe_ : with_statistics_;
      function(piece.elements, scalars_[piece.cohort], piece.sums);
    });
    write_statistics(statistics);
  }
  if (!store) return;
  for (Cohort& cohort : cohorts_.all()) cohort.steps += skipped_[cohort.layer] ? 0 : 1;
}

}  // namespace ganno

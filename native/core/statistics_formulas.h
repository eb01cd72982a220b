#pragma once
// From the sums of pieces to the statistics of a layer: the arithmetic that the CPU and a GPU share. constexpr, because
// nvcc compiles such functions for the device too.
#include <cmath>

#include "core/block_sums.h"

namespace ganno::fold {

template <class Number>
constexpr Number larger(Number a, Number b) {
  return a < b ? b : a;  // std::max: a where either is NaN
}

template <class Number>
constexpr Number smaller(Number a, Number b) {
  return b < a ? b : a;
}

constexpr void add_sums(LayerSums& sums, const LayerSums& next) {
  merge(sums.gradient, next.gradient);
  merge(sums.parameter, next.parameter);
  sums.moment_squared += next.moment_squared;
  sums.update_squared += next.update_squared;
  sums.gradient_moment += next.gradient_moment;
  sums.gradient_parameter += next.gradient_parameter;
  sums.gradient_update += next.gradient_update;
  sums.gradient_max_abs = larger(sums.gradient_max_abs, next.gradient_max_abs);
  sums.non_finite += next.non_finite;
}

/// Where arrays of one layer have taken different numbers of steps, the first moments of a piece are corrected before
/// the layer's pieces are added; where they have not, that is done for the layer as a whole, in finalize_statistics().
constexpr void correct_moments(LayerSums& sums, double moment_correction) {
  sums.moment_squared *= moment_correction * moment_correction;
  sums.gradient_moment *= moment_correction;
}

constexpr float cosine(double product, double norm1, double norm2) {
  const double norms = norm1 * norm2;
  return norms > 0 ? static_cast<float>(smaller(larger(product / norms, -1.0), 1.0)) : 0.0f;
}

constexpr double variance(const Moments& moments) {
  return moments.count > 0 ? moments.squared_deviations / moments.count : 0;
}

constexpr void finalize_statistics(const LayerSums& sums, bool has_moment, double moment_correction,
                                   float* out /* [kStepStatisticCount] */) {
  const double gradient_norm = std::sqrt(sums.gradient.sum_of_squares());
  const double parameter_norm = std::sqrt(sums.parameter.sum_of_squares());
  const double update_norm = std::sqrt(sums.update_squared);
  const double moment_norm = has_moment ? std::sqrt(sums.moment_squared) : gradient_norm;
  const double gradient_moment = has_moment ? sums.gradient_moment : sums.gradient.sum_of_squares();
  out[kGradientNorm] = static_cast<float>(gradient_norm);
  out[kGradientMean] = static_cast<float>(sums.gradient.mean);
  out[kGradientVariance] = static_cast<float>(variance(sums.gradient));
  out[kGradientMaxAbs] = sums.gradient_max_abs;
  out[kParameterNorm] = static_cast<float>(parameter_norm);
  out[kParameterMean] = static_cast<float>(sums.parameter.mean);
  out[kParameterVariance] = static_cast<float>(variance(sums.parameter));
  out[kMomentNorm] = static_cast<float>(moment_norm * (has_moment ? moment_correction : 1.0));
  out[kUpdateNorm] = static_cast<float>(update_norm);
  out[kUpdateRatio] = static_cast<float>(update_norm / (parameter_norm + 1e-12));
  out[kGradientMomentCosine] = cosine(gradient_moment, gradient_norm, moment_norm);
  out[kGradientParameterCosine] = cosine(sums.gradient_parameter, gradient_norm, parameter_norm);
  out[kGradientUpdateCosine] = cosine(sums.gradient_update, gradient_norm, update_norm);
  out[kNonFiniteCount] = static_cast<float>(sums.non_finite);
}

}  // namespace ganno::fold

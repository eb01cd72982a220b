// From the sums of layers to their statistics, a batch of layers at a time: fold::finalize_statistics has 8 divisions
// and 4 square roots in float64, which cost as much as the step of a small layer, and eight of each as much as two.
// Columns hold one figure of every layer of the batch; the loops over them become vectors. The same bits.
#include "cpu/simd.h"
#include "cpu/step_kernels.h"

namespace ganno::GANNO_TIER {

namespace {

constexpr std::size_t kBatch = 16;
constexpr auto kDoubles = static_cast<std::size_t>(kVectorWidth) / 2;

/// Columns of the sums.
struct Batch {
  using Column = double[kBatch];
  alignas(64) Column gradient_count, gradient_mean, gradient_deviations;
  alignas(64) Column parameter_count, parameter_mean, parameter_deviations;
  alignas(64) Column moment_squared, update_squared, gradient_moment, gradient_parameter, gradient_update;
  alignas(64) Column correction;
};

GANNO_INLINE void read(const LayerSums& sums, double correction, std::size_t i, Batch& batch) {
  batch.gradient_count[i] = sums.gradient.count;
  batch.gradient_mean[i] = sums.gradient.mean;
  batch.gradient_deviations[i] = sums.gradient.squared_deviations;
  batch.parameter_count[i] = sums.parameter.count;
  batch.parameter_mean[i] = sums.parameter.mean;
  batch.parameter_deviations[i] = sums.parameter.squared_deviations;
  batch.moment_squared[i] = sums.moment_squared;
  batch.update_squared[i] = sums.update_squared;
  batch.gradient_moment[i] = sums.gradient_moment;
  batch.gradient_parameter[i] = sums.gradient_parameter;
  batch.gradient_update[i] = sums.gradient_update;
  batch.correction[i] = correction;
}

/// Columns of the statistics, in the order of Statistic; those that LayerSums holds as they are stay unset.
using Figures = float[kStepStatisticCount][kBatch];

GANNO_INLINE Doubles variance(Doubles count, Doubles squared_deviations) {
  return squared_deviations / (count > 0 ? count : Doubles{} + 1);  // no finite value: no deviations either
}

GANNO_INLINE Doubles cosine(Doubles product, Doubles norm1, Doubles norm2) {
  const Doubles one = Doubles{} + 1;
  const Doubles norms = norm1 * norm2;
  const Doubles quotient = product / (norms > 0 ? norms : one);
  const Doubles above = quotient < -one ? -one : quotient;
  const Doubles within = one < above ? one : above;
  return norms > 0 ? within : Doubles{};
}

template <bool kMoment>
GANNO_INLINE void finalize_batch(const Batch& in, Figures& out) {
  for (std::size_t i = 0; i < kBatch; i += kDoubles) {
    const auto sums_of_squares =
        [](Doubles count, Doubles mean, Doubles squared_deviations) __attribute__((always_inline)) {
      return squared_deviations + count * mean * mean;
    };
    const auto write = [&](Statistic statistic, Doubles figure) __attribute__((always_inline)) {
      store_narrowed(out[statistic] + i, figure);
    };
    const Doubles gradient_count = load(in.gradient_count + i), gradient_mean = load(in.gradient_mean + i);
    const Doubles parameter_count = load(in.parameter_count + i), parameter_mean = load(in.parameter_mean + i);
    const Doubles gradient_deviations = load(in.gradient_deviations + i);
    const Doubles parameter_deviations = load(in.parameter_deviations + i);
    const Doubles gradient_squared = sums_of_squares(gradient_count, gradient_mean, gradient_deviations);
    const Doubles gradient_norm = sqrt(gradient_squared);
    const Doubles parameter_norm = sqrt(sums_of_squares(parameter_count, parameter_mean, parameter_deviations));
    const Doubles update_norm = sqrt(load(in.update_squared + i));
    const Doubles moment_norm = kMoment ? sqrt(load(in.moment_squared + i)) : gradient_norm;
    write(kGradientNorm, gradient_norm);
    write(kGradientMean, gradient_mean);
    write(kGradientVariance, variance(gradient_count, gradient_deviations));
    write(kParameterNorm, parameter_norm);
    write(kParameterMean, parameter_mean);
    write(kParameterVariance, variance(parameter_count, parameter_deviations));
    write(kMomentNorm, kMoment ? moment_norm * load(in.correction + i) : moment_norm);
    write(kUpdateNorm, update_norm);
    write(kUpdateRatio, update_norm / (parameter_norm + 1e-12));
    write(kGradientMomentCosine,
          cosine(kMoment ? load(in.gradient_moment + i) : gradient_squared, gradient_norm, moment_norm));
    write(kGradientParameterCosine, cosine(load(in.gradient_parameter + i), gradient_norm, parameter_norm));
    write(kGradientUpdateCosine, cosine(load(in.gradient_update + i), gradient_norm, update_norm));
  }
}

template <bool kMoment>
void finalize_layers(const LayerSums* sums, const double* moment_corrections, std::size_t layers, float* statistics) {
  Batch batch;
  alignas(64) Figures figures;
  for (std::size_t first = 0; first < layers; first += kBatch) {
    const std::size_t count = layers - first < kBatch ? layers - first : kBatch;
    for (std::size_t i = 0; i < count; ++i) read(sums[first + i], moment_corrections[first + i], i, batch);
    for (std::size_t i = count; i < kBatch; ++i) read(LayerSums{}, 1, i, batch);
    finalize_batch<kMoment>(batch, figures);
    for (std::size_t i = 0; i < count; ++i) {
      float* out = statistics + (first + i) * kStepStatisticCount;
      for (std::size_t figure = 0; figure < kStepStatisticCount; ++figure) {
        out[figure] = figures[figure][i];
      }
      out[kGradientMaxAbs] = sums[first + i].gradient_max_abs;
      out[kNonFiniteCount] = static_cast<float>(sums[first + i].non_finite);
    }
  }
}

}  // namespace

FinalizeFunction finalize_function(bool has_moment) {
  return has_moment ? finalize_layers<true> : finalize_layers<false>;
}

}  // namespace ganno::GANNO_TIER

#include "core/statistics.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace ganno {

namespace {

// Below, a float32 square may be denormal and lose digits: 1,024 of them err by 1e-42 at most. Above, it may overflow.
constexpr double kSmallestSum = 1e-30;
constexpr double kLargestSum = 1e36;

bool in_range(double sum) {
  return sum >= kSmallestSum && sum <= kLargestSum;
}

double sum_of_squares(double count, double shift, double deviation, double deviation_squared) {
  return deviation_squared + shift * (2 * deviation + count * shift);
}

bool all_zero(const float* values, std::size_t size) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < size; ++i) bits |= std::bit_cast<std::uint32_t>(values[i]);
  return (bits & 0x7fffffffu) == 0;
}

bool all_equal(const float* values, std::size_t size) {
  std::uint32_t different = 0;
  const std::uint32_t first = std::bit_cast<std::uint32_t>(values[0]);
  for (std::size_t i = 1; i < size; ++i) different |= std::bit_cast<std::uint32_t>(values[i]) ^ first;
  return different == 0;
}

bool same(const float* a, const float* b, std::size_t size) {
  std::uint32_t different = 0;
  for (std::size_t i = 0; i < size; ++i) {
    different |= std::bit_cast<std::uint32_t>(a[i]) ^ std::bit_cast<std::uint32_t>(b[i]);
  }
  return different == 0;
}

/// A sum out of range is right all the same where what is summed is zero throughout: a frozen layer, a fresh bias.
bool right(double sum, bool (*zero)(const BlockArrays&), const BlockArrays& arrays) {
  return in_range(sum) || (sum == 0 && zero(arrays));
}

bool trustworthy(const BlockSums& block, const BlockArrays& arrays) {
  using Arrays = const BlockArrays&;
  return right(
             sum_of_squares(block.gradient_count, block.gradient_shift, block.gradient_deviation,
                            block.gradient_deviation_squared),
             [](Arrays a) { return all_zero(a.gradients, a.size); }, arrays) &&
         right(
             sum_of_squares(block.parameter_count, block.parameter_shift, block.parameter_deviation,
                            block.parameter_deviation_squared),
             [](Arrays a) { return all_zero(a.old_parameters, a.size); }, arrays) &&
         right(
             block.gradient_deviation_squared, [](Arrays a) { return all_equal(a.gradients, a.size); }, arrays) &&
         right(
             block.parameter_deviation_squared, [](Arrays a) { return all_equal(a.old_parameters, a.size); }, arrays) &&
         right(
             block.update_squared, [](Arrays a) { return same(a.old_parameters, a.new_parameters, a.size); }, arrays) &&
         (arrays.moments == nullptr ||
          right(
              block.moment_squared, [](Arrays a) { return all_zero(a.moments, a.size); }, arrays));
}

/// The block's sums in float64: products of two float32 are exact in it, and it neither overflows nor underflows here.
BlockSums exact_sums(const BlockArrays& arrays) {
  const auto finite_or_zero = [](float x) { return std::isfinite(x) ? static_cast<double>(x) : 0.0; };
  BlockSums sums;
  bool has_gradient_shift = false, has_parameter_shift = false;
  for (std::size_t i = 0; i < arrays.size; ++i) {
    const float scaled = arrays.gradients[i] * arrays.inverse_scale;
    const float old_parameter = arrays.old_parameters[i];
    const double gradient = finite_or_zero(scaled);
    const double parameter = finite_or_zero(old_parameter);
    const double update = finite_or_zero(arrays.new_parameters[i] - old_parameter);
    if (std::isfinite(scaled)) {
      if (!has_gradient_shift) sums.gradient_shift = gradient;
      has_gradient_shift = true;
      const double deviation = gradient - sums.gradient_shift;
      sums.gradient_count += 1;
      sums.gradient_deviation += deviation;
      sums.gradient_deviation_squared += deviation * deviation;
    }
    if (std::isfinite(old_parameter)) {
      if (!has_parameter_shift) sums.parameter_shift = parameter;
      has_parameter_shift = true;
      const double deviation = parameter - sums.parameter_shift;
      sums.parameter_count += 1;
      sums.parameter_deviation += deviation;
      sums.parameter_deviation_squared += deviation * deviation;
    }
    sums.update_squared += update * update;
    sums.gradient_parameter += gradient * parameter;
    sums.gradient_update += gradient * update;
    if (arrays.moments != nullptr) {
      const double moment = finite_or_zero(arrays.moments[i]);
      sums.moment_squared += moment * moment;
      sums.gradient_moment += gradient * moment;
    }
  }
  return sums;
}

/// Chan, Golub & LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances".
void merge(Moments& moments, const Moments& next) {
  if (next.count == 0) return;
  if (moments.count == 0) {
    moments = next;
    return;
  }
  const double total = moments.count + next.count;
  const double difference = next.mean - moments.mean;
  const double share = next.count / total;
  moments.mean += difference * share;
  moments.squared_deviations += next.squared_deviations + difference * difference * (moments.count * share);
  moments.count = total;
}

Moments block_moments(double count, double shift, double deviation, double deviation_squared) {
  if (count == 0) return {};
  const double mean_deviation = deviation / count;
  return {count, shift + mean_deviation, std::max(0.0, deviation_squared - deviation * mean_deviation)};
}

Moments gradient_moments(const BlockSums& block) {
  return block_moments(block.gradient_count, block.gradient_shift, block.gradient_deviation,
                       block.gradient_deviation_squared);
}

Moments parameter_moments(const BlockSums& block) {
  return block_moments(block.parameter_count, block.parameter_shift, block.parameter_deviation,
                       block.parameter_deviation_squared);
}

/// The first block of a piece: written, not added to zeros, because small layers have no other (a third of their cost).
void start_with_block(LayerSums& sums, const BlockSums& block) {
  sums.gradient = gradient_moments(block);
  sums.parameter = parameter_moments(block);
  sums.moment_squared = block.moment_squared;
  sums.update_squared = block.update_squared;
  sums.gradient_moment = block.gradient_moment;
  sums.gradient_parameter = block.gradient_parameter;
  sums.gradient_update = block.gradient_update;
}

void add_trusted_block(LayerSums& sums, const BlockSums& block) {
  merge(sums.gradient, gradient_moments(block));
  merge(sums.parameter, parameter_moments(block));
  sums.moment_squared += block.moment_squared;
  sums.update_squared += block.update_squared;
  sums.gradient_moment += block.gradient_moment;
  sums.gradient_parameter += block.gradient_parameter;
  sums.gradient_update += block.gradient_update;
}

float cosine(double product, double norm1, double norm2) {
  const double norms = norm1 * norm2;
  return norms > 0 ? static_cast<float>(std::clamp(product / norms, -1.0, 1.0)) : 0.0f;
}

double variance(const Moments& moments) {
  return moments.count > 0 ? moments.squared_deviations / moments.count : 0;
}

}  // namespace

void add_block(LayerSums& sums, bool first, const BlockSums& block, const BlockArrays& arrays) {
  const auto add = first ? start_with_block : add_trusted_block;
  if (trustworthy(block, arrays)) [[likely]] {
    add(sums, block);
  } else {
    add(sums, exact_sums(arrays));
  }
}

void add_sums(LayerSums& sums, const LayerSums& next) {
  merge(sums.gradient, next.gradient);
  merge(sums.parameter, next.parameter);
  sums.moment_squared += next.moment_squared;
  sums.update_squared += next.update_squared;
  sums.gradient_moment += next.gradient_moment;
  sums.gradient_parameter += next.gradient_parameter;
  sums.gradient_update += next.gradient_update;
  sums.gradient_max_abs = std::max(sums.gradient_max_abs, next.gradient_max_abs);
  sums.non_finite += next.non_finite;
}

void finalize_statistics(const LayerSums& sums, Algorithm algorithm, const StepScalars& scalars,
                         float out[kStepStatisticCount]) {
  const double gradient_norm = std::sqrt(sums.gradient.sum_of_squares());
  const double parameter_norm = std::sqrt(sums.parameter.sum_of_squares());
  const double update_norm = std::sqrt(sums.update_squared);
  const bool has_moment = keeps_first_moment(algorithm);
  const double moment_norm = has_moment ? std::sqrt(sums.moment_squared) : gradient_norm;
  const double gradient_moment = has_moment ? sums.gradient_moment : sums.gradient.sum_of_squares();
  out[kGradientNorm] = static_cast<float>(gradient_norm);
  out[kGradientMean] = static_cast<float>(sums.gradient.mean);
  out[kGradientVariance] = static_cast<float>(variance(sums.gradient));
  out[kGradientMaxAbs] = sums.gradient_max_abs;
  out[kParameterNorm] = static_cast<float>(parameter_norm);
  out[kParameterMean] = static_cast<float>(sums.parameter.mean);
  out[kParameterVariance] = static_cast<float>(variance(sums.parameter));
  out[kMomentNorm] = static_cast<float>(moment_norm * (has_moment ? scalars.moment_correction : 1.0));
  out[kUpdateNorm] = static_cast<float>(update_norm);
  out[kUpdateRatio] = static_cast<float>(update_norm / (parameter_norm + 1e-12));
  out[kGradientMomentCosine] = cosine(gradient_moment, gradient_norm, moment_norm);
  out[kGradientParameterCosine] = cosine(sums.gradient_parameter, gradient_norm, parameter_norm);
  out[kGradientUpdateCosine] = cosine(sums.gradient_update, gradient_norm, update_norm);
  out[kNonFiniteCount] = static_cast<float>(sums.non_finite);
}

}  // namespace ganno

#include "core/statistics.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/block_sums.h"
#include "core/statistics_formulas.h"

namespace ganno {

namespace {

bool all_zero(const float* values, std::size_t size) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < size; ++i) bits |= std::bit_cast<std::uint32_t>(values[i]);
  return (bits & 0x7fffffffu) == 0;
}

/// Moments this small are taken for zero. With denormals flushed, a decaying moment m comes to rest where (1 - beta) m
/// is flushed, near 1e-36: without this, a dead layer would be summed again in float64 at every step for ever.
constexpr float kNegligibleMoment = 0x1p-110f;

bool all_negligible(const float* values, std::size_t size) {
  std::uint32_t largest = 0;  // magnitudes order like their bits
  for (std::size_t i = 0; i < size; ++i) {
    largest = std::max(largest, std::bit_cast<std::uint32_t>(values[i]) & 0x7fffffffu);
  }
  return largest < std::bit_cast<std::uint32_t>(kNegligibleMoment);
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

/// Which of a block's four arrays have a float32 sum that cannot be trusted.
struct Suspects {
  bool gradient;
  bool parameter;
  bool update;
  bool moment;

  bool any() const { return gradient || parameter || update || moment; }
};

Suspects suspects(const BlockSums& block, const BlockArrays& arrays) {
  using Arrays = const BlockArrays&;
  const auto zero_gradient = [](Arrays a) { return all_zero(a.gradients, a.size); };
  const auto equal_gradient = [](Arrays a) { return all_equal(a.gradients, a.size); };
  const auto zero_parameter = [](Arrays a) { return all_zero(a.old_parameters, a.size); };
  const auto equal_parameter = [](Arrays a) { return all_equal(a.old_parameters, a.size); };
  const auto zero_update = [](Arrays a) { return same(a.old_parameters, a.new_parameters, a.size); };
  const auto zero_moment = [](Arrays a) { return all_negligible(a.moments, a.size); };
  return {!right(gradient_squares(block), zero_gradient, arrays) ||
              !right(block.gradient_deviation_squared, equal_gradient, arrays) || !gradient_keeps_digits(block),
          !right(parameter_squares(block), zero_parameter, arrays) ||
              !right(block.parameter_deviation_squared, equal_parameter, arrays) || !parameter_keeps_digits(block),
          !right(block.update_squared, zero_update, arrays),
          arrays.moments != nullptr && !right(block.moment_squared, zero_moment, arrays)};
}

constexpr std::size_t kLanes = 8;

/// Sum of a(i) b(i) in float64, in eight lanes that the compiler makes vectors of: a network whose units have died
/// needs this at every step until its moments have decayed to zero.
template <typename A, typename B>
double exact_sum(std::size_t size, A a, B b) {
  double lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += a(i + lane) * b(i + lane);
  }
  for (std::size_t lane = 0; i + lane < size; ++lane) lanes[lane] += a(i + lane) * b(i + lane);
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

float finite_or_zero(float x) {
  return std::isfinite(x) ? x : 0.0f;
}

struct Deviations {
  double count;
  double shift;
  double deviation;
  double deviation_squared;
};

/// Deviations of the finite values from the first of them.
template <typename Value>
Deviations exact_deviations(std::size_t size, Value value) {
  std::size_t first = 0;
  while (first < size && !std::isfinite(value(first))) ++first;
  if (first == size) return {0, 0, 0, 0};
  const double shift = value(first);
  const auto finite = [&](std::size_t i) { return std::isfinite(value(i)) ? 1.0 : 0.0; };
  const auto deviation = [&](std::size_t i) { return std::isfinite(value(i)) ? value(i) - shift : 0.0; };
  return {exact_sum(size, finite, finite), shift, exact_sum(size, deviation, finite),
          exact_sum(size, deviation, deviation)};
}

/// Sums every suspect array takes part in again, in float64: products of two float32 are exact in it, and it neither
/// overflows nor underflows here.
BlockSums exact_sums(const BlockSums& block, const Suspects& suspect, const BlockArrays& arrays) {
  const std::size_t size = arrays.size;
  const auto raw_gradient = [&](std::size_t i) { return arrays.gradients[i] * arrays.inverse_scale; };
  const auto raw_parameter = [&](std::size_t i) { return arrays.old_parameters[i]; };
  const auto gradient = [&](std::size_t i) { return static_cast<double>(finite_or_zero(raw_gradient(i))); };
  const auto parameter = [&](std::size_t i) { return static_cast<double>(finite_or_zero(raw_parameter(i))); };
  const auto update = [&](std::size_t i) {
    return static_cast<double>(finite_or_zero(arrays.new_parameters[i] - arrays.old_parameters[i]));
  };
  const auto moment = [&](std::size_t i) { return static_cast<double>(finite_or_zero(arrays.moments[i])); };

  BlockSums sums = block;
  if (suspect.gradient) {
    const Deviations exact = exact_deviations(size, raw_gradient);
    sums.gradient_count = exact.count;
    sums.gradient_shift = exact.shift;
    sums.gradient_deviation = exact.deviation;
    sums.gradient_deviation_squared = exact.deviation_squared;
  }
  if (suspect.parameter) {
    const Deviations exact = exact_deviations(size, raw_parameter);
    sums.parameter_count = exact.count;
    sums.parameter_shift = exact.shift;
    sums.parameter_deviation = exact.deviation;
    sums.parameter_deviation_squared = exact.deviation_squared;
  }
  if (suspect.update) sums.update_squared = exact_sum(size, update, update);
  if (suspect.gradient || suspect.parameter) sums.gradient_parameter = exact_sum(size, gradient, parameter);
  if (suspect.gradient || suspect.update) sums.gradient_update = exact_sum(size, gradient, update);
  if (arrays.moments != nullptr) {
    if (suspect.moment) sums.moment_squared = exact_sum(size, moment, moment);
    if (suspect.gradient || suspect.moment) sums.gradient_moment = exact_sum(size, gradient, moment);
  }
  return sums;
}

}  // namespace

void add_suspect_block(LayerSums& sums, bool first, const BlockSums& block, const BlockArrays& arrays) {
  const Suspects suspect = suspects(block, arrays);
  add_trusted_block(sums, first, suspect.any() ? exact_sums(block, suspect, arrays) : block);
}

void add_sums(LayerSums& sums, const LayerSums& next) {
  fold::add_sums(sums, next);
}

void correct_moments(LayerSums& sums, double moment_correction) {
  fold::correct_moments(sums, moment_correction);
}

double block_squares(double sum, const float* values, std::size_t size) {
  if (in_range(sum) || (sum == 0 && all_zero(values, size))) [[likely]]
    return sum;
  double exact = 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (std::isfinite(values[i])) exact += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  }
  return exact;
}

void finalize_statistics(const LayerSums& sums, Algorithm algorithm, const StepScalars& scalars,
                         float out[kStepStatisticCount]) {
  fold::finalize_statistics(sums, rule_traits(algorithm).first_moment, scalars.moment_correction, out);
}

}  // namespace ganno

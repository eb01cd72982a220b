// Norms that must be known before a step: of the gradient (clipping), of the parameters and of what they are compared
// with (LARS, LAMB). Blocks, lanes and folds are those of step.cc, so the norms too are the same bits in every tier.
#include "cpu/simd.h"
#include "cpu/step_kernels.h"
// after the vectors it is written in
#include "core/step_rules.h"

namespace ganno::GANNO_TIER {

namespace {

constexpr int kVectors = kVectorsPer16;

template <class Measure>
void measure_piece(const StepArray& piece, const StepScalars& scalars, PieceNorms* norms) {
  alignas(64) float directions[kBlockSize];  // for the rare exact summation
  const Measure measure(scalars);
  const Vector scale = set1(scalars.inverse_scale);
  *norms = {};
  for (std::uint64_t begin = 0; begin < piece.size; begin += kBlockSize) {
    const std::uint64_t left = piece.size - begin;
    const std::size_t size = left < kBlockSize ? static_cast<std::size_t>(left) : kBlockSize;
    Vector parameter_squared[kVectors];
    Vector direction_squared[kVectors];
    for (int j = 0; j < kVectors; ++j) parameter_squared[j] = direction_squared[j] = zero();
    for (std::size_t i = 0; i < size; i += 16) {
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) {
        const std::size_t first = i + static_cast<std::size_t>(j * kVectorWidth);
        if (first >= size) break;
        const std::size_t rest = size - first;
        const bool whole = rest >= static_cast<std::size_t>(kVectorWidth);
        const auto read = [&](const float* p) __attribute__((always_inline)) {
          return whole ? load(p + begin + first) : load_partial(p + begin + first, rest);
        };
        const Elements old{Measure::kParameters ? read(piece.parameters) : zero(),
                           Measure::kMoments > 0 ? read(piece.moment1) : zero(),
                           Measure::kMoments > 1 ? read(piece.moment2) : zero()};
        Vector direction = measure.direction(read(piece.gradients) * scale, old);
        // Lanes beyond the end compute 0 / epsilon = 0.
        direction = zero_unless(is_finite(direction), direction);
        const Vector parameter = zero_unless(is_finite(old.parameter), old.parameter);
        store(directions + first, direction);
        direction_squared[j] = direction_squared[j] + direction * direction;
        parameter_squared[j] = parameter_squared[j] + parameter * parameter;
      }
    }
    norms->direction_squared += block_squares(fold16(direction_squared), directions, size);
    if (Measure::kParameters) {
      norms->parameter_squared += block_squares(fold16(parameter_squared), piece.parameters + begin, size);
    }
  }
}

}  // namespace

MeasureFunction measure_function(const MeasureVariant& variant) {
  if (!variant.trust) return measure_piece<Gradient>;
  return with_rule(variant.algorithm, variant.from_gradient, []<class Rule>() -> MeasureFunction {
    if constexpr (rule_traits(Rule::kAlgorithm).trust_ratio) {
      return measure_piece<Trust<Rule>>;
    } else {
      return nullptr;
    }
  });
}

}  // namespace ganno::GANNO_TIER

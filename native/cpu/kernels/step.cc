// One pass over a layer's arrays: the optimiser step and the sums its statistics are made of.
//
//   gradients  g0 g1 g2 ... | g1024 ...      a block = 1,024 elements; element i belongs to virtual lane i mod 16
//   parameters p0 p1 p2 ... | p1024 ...      16 lanes = 16/w vectors of the tier's width w, summed in float32 over the
//   moments    m0 m1 m2 ... | m1024 ...      block, then folded in float64 (fold16): the same bits for any width
//
// The main loop has no masks: masked loads and stores together cost 1.5-1.9x beyond L2 (measured). Elements that are
// not finite are found by one compare and repaired in a branch that is never taken otherwise; the last, partial vectors
// of an array use partial loads and stores.
#include "cpu/step_kernels.h"

#include "cpu/kernels/step_rules.h"

namespace ganno::GANNO_TIER {

namespace {

constexpr int kVectors = kVectorsPer16;

struct Accumulators {
  Vector gradient_deviation[kVectors];
  Vector gradient_deviation_squared[kVectors];
  Vector parameter_deviation[kVectors];
  Vector parameter_deviation_squared[kVectors];
  Vector moment_squared[kVectors];
  Vector update_squared[kVectors];
  Vector gradient_moment[kVectors];
  Vector gradient_parameter[kVectors];
  Vector gradient_update[kVectors];
  Vector gradient_max_abs[kVectors];
};

/// Where a block is read and written. Without `store` the outputs are scratch.
struct BlockPointers {
  const float* gradients;
  const float* parameters;
  const float* moment1;
  const float* moment2;
  float* new_parameters;
  float* new_moment1;
  float* new_moment2;
  float* old_parameters;  // scratch: a copy for the rare exact summation
};

/// What the branch for non-finite elements counts, over a block.
struct Exceptions {
  std::uint64_t non_finite = 0;
  std::uint64_t gradients = 0;   // left out of the gradient sums
  std::uint64_t parameters = 0;  // left out of the parameter sums
};

/// The finite element of least magnitude among the first 16 (0 when none is): see BlockSums.
GANNO_INLINE float choose_shift(const float* values, std::size_t size, Vector scale) {
  const Vector infinity = set1(__builtin_inff());
  Vector magnitudes[kVectors];
  Vector signed_values[kVectors];
  for (int j = 0; j < kVectors; ++j) {
    const std::size_t first = static_cast<std::size_t>(j * kVectorWidth);
    if (size >= 16) {
      signed_values[j] = load(values + first) * scale;
      magnitudes[j] = min(abs(signed_values[j]), infinity);  // NaN becomes infinity
    } else {
      const std::size_t left = size > first ? size - first : 0;
      const std::size_t count = left < static_cast<std::size_t>(kVectorWidth) ? left : kVectorWidth;
      signed_values[j] = load_partial(values + (count == 0 ? 0 : first), count) * scale;
      magnitudes[j] = select(first_lanes(count), min(abs(signed_values[j]), infinity), infinity);
    }
  }
  const float magnitude = minimum16(magnitudes);
  if (!(magnitude < __builtin_inff())) return 0;
  for (int j = 0; j < kVectors; ++j) {
    if (any(equal(signed_values[j], set1(magnitude)))) return magnitude;
  }
  return -magnitude;
}

/// One vector of elements: `lanes` of them when partial.
template <class Rule, bool kStatistics, bool kPartial>
GANNO_INLINE void step_vector(const Rule& rule, const BlockPointers& at, std::size_t i, int j, std::size_t lanes,
                              Vector scale, Vector gradient_shift, Vector parameter_shift, bool propagate,
                              Accumulators& sums, Exceptions& exceptions) {
  const auto read = [&](const float* p) __attribute__((always_inline)) {
    return kPartial ? load_partial(p + i, lanes) : load(p + i);
  };
  const auto write = [&](float* p, Vector v) __attribute__((always_inline)) {
    if (kPartial) {
      store_partial(p + i, v, lanes);
    } else {
      store(p + i, v);
    }
  };
  Vector gradient = read(at.gradients) * scale;
  const Elements old{read(at.parameters), Rule::kMoments > 0 ? read(at.moment1) : zero(),
                     Rule::kMoments > 1 ? read(at.moment2) : zero()};
  Elements stepped = rule.step(gradient, old);

  Vector parameter = old.parameter;
  Vector moment = stepped.moment1;
  Vector update = stepped.parameter - old.parameter;
  Vector gradient_deviation = gradient - gradient_shift;
  Vector parameter_deviation = parameter - parameter_shift;
  if (kPartial && kStatistics) {
    gradient_deviation = zero_unless(first_lanes(lanes), gradient_deviation);
    parameter_deviation = zero_unless(first_lanes(lanes), parameter_deviation);
  }

  if (!all(is_finite(Rule::evidence(gradient, stepped)))) [[unlikely]] {
    const Mask good_gradient = is_finite(gradient);
    const Mask good =
        good_gradient & is_finite(stepped.parameter) & is_finite(stepped.moment1) & is_finite(stepped.moment2);
    exceptions.non_finite += popcount(!good);
    if (!propagate) {
      stepped.parameter = select(good, stepped.parameter, old.parameter);
      stepped.moment1 = select(good, stepped.moment1, old.moment1);
      stepped.moment2 = select(good, stepped.moment2, old.moment2);
    }
    if (kStatistics) {
      const Mask good_parameter = is_finite(old.parameter);
      exceptions.gradients += popcount(!good_gradient);
      exceptions.parameters += popcount(!good_parameter);
      update = stepped.parameter - old.parameter;
      gradient = zero_unless(good_gradient, gradient);
      gradient_deviation = zero_unless(good_gradient, gradient_deviation);
      parameter = zero_unless(good_parameter, parameter);
      parameter_deviation = zero_unless(good_parameter, parameter_deviation);
      moment = zero_unless(is_finite(stepped.moment1), stepped.moment1);
      update = zero_unless(is_finite(update), update);
    }
  }

  if (kStatistics) {
    sums.gradient_deviation[j] = sums.gradient_deviation[j] + gradient_deviation;
    sums.gradient_deviation_squared[j] = sums.gradient_deviation_squared[j] + gradient_deviation * gradient_deviation;
    sums.parameter_deviation[j] = sums.parameter_deviation[j] + parameter_deviation;
    sums.parameter_deviation_squared[j] =
        sums.parameter_deviation_squared[j] + parameter_deviation * parameter_deviation;
    sums.update_squared[j] = sums.update_squared[j] + update * update;
    sums.gradient_parameter[j] = sums.gradient_parameter[j] + gradient * parameter;
    sums.gradient_update[j] = sums.gradient_update[j] + gradient * update;
    sums.gradient_max_abs[j] = max(sums.gradient_max_abs[j], abs(gradient));
    if (Rule::kFirstMoment) {
      sums.moment_squared[j] = sums.moment_squared[j] + moment * moment;
      sums.gradient_moment[j] = sums.gradient_moment[j] + gradient * moment;
    }
    write(at.old_parameters, old.parameter);
  }
  write(at.new_parameters, stepped.parameter);
  if (Rule::kMoments > 0) write(at.new_moment1, stepped.moment1);
  if (Rule::kMoments > 1) write(at.new_moment2, stepped.moment2);
}

template <class Rule, bool kStatistics>
void step_piece(const StepArray& piece, const StepScalars& scalars, LayerSums* sums) {
  // Scratch for a block: the old parameters (statistics), and the outputs of a step that is not stored.
  alignas(64) float old_parameters[kStatistics ? kBlockSize : 1];
  alignas(64) float unstored[3][kBlockSize];

  const Rule rule(scalars);
  const Vector scale = set1(scalars.inverse_scale);
  const Vector one = set1(1.0f);
  Accumulators lanes;
  for (int j = 0; j < kVectors; ++j) lanes.gradient_max_abs[j] = zero();
  std::uint64_t non_finite = 0;
  if (kStatistics && piece.size == 0) *sums = LayerSums{};

  for (std::uint64_t begin = 0; begin < piece.size; begin += kBlockSize) {
    const std::uint64_t left = piece.size - begin;
    const std::size_t size = left < kBlockSize ? static_cast<std::size_t>(left) : kBlockSize;
    const auto moment = [&](float* values) { return values == nullptr ? nullptr : values + begin; };
    const bool store = scalars.store;
    const BlockPointers at{piece.gradients + begin,
                           piece.parameters + begin,
                           moment(piece.moment1),
                           moment(piece.moment2),
                           store ? piece.parameters + begin : unstored[0],
                           store ? moment(piece.moment1) : unstored[1],
                           store ? moment(piece.moment2) : unstored[2],
                           old_parameters};
    float gradient_shift = 0, parameter_shift = 0;
    if (kStatistics) {
      gradient_shift = choose_shift(at.gradients, size, scale);
      parameter_shift = choose_shift(at.parameters, size, one);
      for (int j = 0; j < kVectors; ++j) {
        lanes.gradient_deviation[j] = lanes.gradient_deviation_squared[j] = zero();
        lanes.parameter_deviation[j] = lanes.parameter_deviation_squared[j] = zero();
        lanes.moment_squared[j] = lanes.update_squared[j] = lanes.gradient_moment[j] = zero();
        lanes.gradient_parameter[j] = lanes.gradient_update[j] = zero();
      }
    }
    const Vector gradient_shifts = set1(gradient_shift);
    const Vector parameter_shifts = set1(parameter_shift);
    Exceptions exceptions;

    std::size_t i = 0;
    for (; i + 16 <= size; i += 16) {
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) {
        step_vector<Rule, kStatistics, false>(rule, at, i + static_cast<std::size_t>(j * kVectorWidth), j, kVectorWidth,
                                              scale, gradient_shifts, parameter_shifts, scalars.propagate, lanes,
                                              exceptions);
      }
    }
    if (i < size) {
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) {
        const std::size_t first = i + static_cast<std::size_t>(j * kVectorWidth);
        if (first >= size) break;
        const std::size_t rest = size - first;
        step_vector<Rule, kStatistics, true>(rule, at, first, j,
                                             rest < static_cast<std::size_t>(kVectorWidth) ? rest : kVectorWidth, scale,
                                             gradient_shifts, parameter_shifts, scalars.propagate, lanes, exceptions);
      }
    }

    non_finite += exceptions.non_finite;
    if (kStatistics) {
      BlockSums block;
      block.gradient_count = static_cast<double>(size - exceptions.gradients);
      block.gradient_shift = gradient_shift;
      block.gradient_deviation = fold16(lanes.gradient_deviation);
      block.gradient_deviation_squared = fold16(lanes.gradient_deviation_squared);
      block.parameter_count = static_cast<double>(size - exceptions.parameters);
      block.parameter_shift = parameter_shift;
      block.parameter_deviation = fold16(lanes.parameter_deviation);
      block.parameter_deviation_squared = fold16(lanes.parameter_deviation_squared);
      block.update_squared = fold16(lanes.update_squared);
      block.gradient_parameter = fold16(lanes.gradient_parameter);
      block.gradient_update = fold16(lanes.gradient_update);
      if (Rule::kFirstMoment) {
        block.moment_squared = fold16(lanes.moment_squared);
        block.gradient_moment = fold16(lanes.gradient_moment);
      }
      add_block(*sums, begin == 0, block,
                {at.gradients, scalars.inverse_scale, at.old_parameters, at.new_parameters,
                 Rule::kFirstMoment ? at.new_moment1 : nullptr, size});
    }
  }
  if (kStatistics && piece.size != 0) {
    sums->gradient_max_abs = maximum16(lanes.gradient_max_abs);
    sums->non_finite = non_finite;
  }
}

template <class Rule, bool kStatistics>
StepFunction with_or_without_clip(bool clip) {
  return clip ? step_piece<Clipped<Rule>, kStatistics> : step_piece<Rule, kStatistics>;
}

template <bool kStatistics>
StepFunction function_for(Algorithm algorithm, bool clip) {
  switch (algorithm) {
    case Algorithm::kMomentum:
      return with_or_without_clip<Momentum<false>, kStatistics>(clip);
    case Algorithm::kNesterov:
      return with_or_without_clip<Momentum<true>, kStatistics>(clip);
    case Algorithm::kRmsProp:
      return with_or_without_clip<RmsProp, kStatistics>(clip);
    case Algorithm::kAdam:
      return with_or_without_clip<Adam<false>, kStatistics>(clip);
    case Algorithm::kAdamW:
      return with_or_without_clip<Adam<true>, kStatistics>(clip);
    case Algorithm::kLion:
      return with_or_without_clip<Lion, kStatistics>(clip);
    case Algorithm::kLars:
      return with_or_without_clip<Lars, kStatistics>(clip);
    case Algorithm::kLamb:
      return with_or_without_clip<Lamb, kStatistics>(clip);
    case Algorithm::kSgd:
      break;
  }
  return with_or_without_clip<Sgd, kStatistics>(clip);
}

}  // namespace

StepFunction step_function(const StepVariant& variant) {
  if (variant.observe) {
    return variant.algorithm == Algorithm::kSgd || variant.algorithm == Algorithm::kRmsProp
               ? step_piece<Observe<false>, true>
               : step_piece<Observe<true>, true>;
  }
  return variant.statistics ? function_for<true>(variant.algorithm, variant.clip)
                            : function_for<false>(variant.algorithm, variant.clip);
}

std::uint64_t count_non_finite(const float* gradients, std::uint64_t size, float inverse_scale) {
  const Vector scale = set1(inverse_scale);
  std::uint64_t count = 0;
  std::uint64_t i = 0;
  for (; i + kVectorWidth <= size; i += kVectorWidth) {
    const Mask good = is_finite(load(gradients + i) * scale);
    if (!all(good)) [[unlikely]]
      count += popcount(!good);
  }
  if (i < size) count += popcount(!is_finite(load_partial(gradients + i, size - i) * scale));
  return count;
}

}  // namespace ganno::GANNO_TIER

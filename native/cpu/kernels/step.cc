// One pass over a layer's arrays: the optimiser step and the sums its statistics are made of.
//
//   gradients  g0 g1 g2 ... | g1024 ...      a block = 1,024 elements; element i belongs to virtual lane i mod 16
//   parameters p0 p1 p2 ... | p1024 ...      16 lanes = 16/w vectors of the tier's width w, summed in float32 over the
//   moments    m0 m1 m2 ... | m1024 ...      block, then folded in float64 (fold16): the same bits for any width
//
// The main loop has no masks: masked loads and stores together cost 1.5-1.9x beyond L2 (measured). Elements that are
// not finite are found by one compare and repaired in a branch that is never taken otherwise; the last, partial vectors
// of an array use partial loads and stores.
#include "cpu/kernels/lane_sums.h"
#include "cpu/step_kernels.h"
// after the vectors it is written in
#include "core/step_rules.h"

namespace ganno::GANNO_TIER {

namespace {

// How far ahead arrays beyond the cache are asked for, in floats: 2 KiB. The arithmetic fills the reorder buffer with
// the work of two cache lines, too few to hide the memory's latency (measured: statistics 1.15x of the step without
// from memory, 1.02x with this).
constexpr std::size_t kPrefetchDistance = 512;

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

/// The same for every element of a block.
struct BlockConstants {
  Vector scale;
  Vector gradient_shift;
  Vector parameter_shift;
  bool propagate;
};

/// One vector of elements: `lanes` of them when partial.
template <class Rule, bool kStatistics, bool kPartial>
GANNO_INLINE void step_vector(const Rule& rule, const BlockPointers& at, std::size_t i, std::size_t lanes,
                              const BlockConstants& constants, LaneSums& into, Exceptions& exceptions) {
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
  Vector gradient = read(at.gradients) * constants.scale;
  const Elements old{read(at.parameters), Rule::kMoments > 0 ? read(at.moment1) : zero(),
                     Rule::kMoments > 1 ? read(at.moment2) : zero()};
  Elements stepped = rule.step(gradient, old);

  Vector parameter = old.parameter;
  Vector moment = stepped.moment1;
  Vector update = stepped.parameter - old.parameter;
  Vector gradient_deviation = gradient - constants.gradient_shift;
  Vector parameter_deviation = parameter - constants.parameter_shift;
  if (kPartial && kStatistics) {
    gradient_deviation = zero_unless(first_lanes(lanes), gradient_deviation);
    parameter_deviation = zero_unless(first_lanes(lanes), parameter_deviation);
  }

  if (!all_finite(Rule::evidence(gradient, stepped))) [[unlikely]] {
    const Mask good_gradient = is_finite(gradient);
    const Mask good =
        good_gradient & is_finite(stepped.parameter) & is_finite(stepped.moment1) & is_finite(stepped.moment2);
    exceptions.non_finite += popcount(!good);
    if (!constants.propagate) {
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
    const auto add = [&](Sum sum, Vector term) __attribute__((always_inline)) {
      into.sums[sum] = into.sums[sum] + term;
    };
    add(kGradientDeviation, gradient_deviation);
    add(kGradientDeviationSquared, gradient_deviation * gradient_deviation);
    add(kParameterDeviation, parameter_deviation);
    add(kParameterDeviationSquared, parameter_deviation * parameter_deviation);
    add(kUpdateSquared, update * update);
    add(kGradientParameter, gradient * parameter);
    add(kGradientUpdate, gradient * update);
    into.gradient_max_abs = max_abs(into.gradient_max_abs, gradient);
    if (Rule::kFirstMoment) {
      add(kMomentSquared, moment * moment);
      add(kGradientMoment, gradient * moment);
    }
    write(at.old_parameters, old.parameter);
  }
  write(at.new_parameters, stepped.parameter);
  if (Rule::kMoments > 0) write(at.new_moment1, stepped.moment1);
  if (Rule::kMoments > 1) write(at.new_moment2, stepped.moment2);
}

/// Every element of a block. `lanes`: the sums, one entry for each vector of 16 lanes.
template <class Rule, bool kStatistics>
GANNO_INLINE void step_block(const Rule& rule, const BlockPointers& at, std::size_t size,
                             const BlockConstants& constants, bool prefetching, LaneSums (&lanes)[kVectors],
                             Exceptions& exceptions) {
  const std::size_t whole = size / 16 * 16;
  for (std::size_t i = 0; i < whole; i += 16) {
    if (prefetching) {
      prefetch(at.gradients + i, kPrefetchDistance);
      prefetch(at.parameters + i, kPrefetchDistance);
      if (Rule::kMoments > 0) prefetch(at.moment1 + i, kPrefetchDistance);
      if (Rule::kMoments > 1) prefetch(at.moment2 + i, kPrefetchDistance);
    }
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) {
      step_vector<Rule, kStatistics, false>(rule, at, i + static_cast<std::size_t>(j) * kWidth, kWidth, constants,
                                            lanes[j], exceptions);
    }
  }
  for (int j = 0; j < kVectors; ++j) {
    const std::size_t first = whole + static_cast<std::size_t>(j) * kWidth;
    if (first >= size) break;
    const std::size_t rest = size - first;
    step_vector<Rule, kStatistics, true>(rule, at, first, rest < kWidth ? rest : kWidth, constants, lanes[j],
                                         exceptions);
  }
}

template <class Rule, bool kStatistics>
void step_piece(const StepArray& piece, const StepScalars& scalars, LayerSums* sums) {
  // Scratch for a block: the old parameters (statistics), and the outputs of a step that is not stored.
  alignas(64) float old_parameters[kStatistics ? kBlockSize : 1];
  alignas(64) float unstored[3][kBlockSize];

  if (piece.size == 0) {
    if (kStatistics) *sums = LayerSums{};
    return;
  }
  const Rule rule(scalars);
  BlockConstants constants{set1(scalars.inverse_scale), zero(), zero(), scalars.propagate};
  Vector max_abs16[kVectors];
  for (int j = 0; j < kVectors; ++j) max_abs16[j] = zero();
  std::uint64_t non_finite = 0;

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
    LaneSums lanes[kVectors];
    if (kStatistics) {
      constants.gradient_shift = choose_shift(at.gradients, size, constants.scale);
      constants.parameter_shift = choose_shift(at.parameters, size, set1(1.0f));
      for (int j = 0; j < kVectors; ++j) {
        for (Vector& sum : lanes[j].sums) sum = zero();
        lanes[j].gradient_max_abs = max_abs16[j];
      }
    }
    Exceptions exceptions;
    step_block<Rule, kStatistics>(rule, at, size, constants, piece.prefetch, lanes, exceptions);
    non_finite += exceptions.non_finite;

    if (kStatistics) {
      for (int j = 0; j < kVectors; ++j) max_abs16[j] = lanes[j].gradient_max_abs;
      PairedSums block = fold_block<Rule::kFirstMoment>(lanes);
      block.count = Pair{static_cast<double>(static_cast<std::int64_t>(size - exceptions.gradients)),
                         static_cast<double>(static_cast<std::int64_t>(size - exceptions.parameters))};
      block.shift = Pair{static_cast<double>(first_lane(constants.gradient_shift)),
                         static_cast<double>(first_lane(constants.parameter_shift))};
      if (all_in_range(block, Rule::kFirstMoment)) [[likely]] {
        add_trusted_block(*sums, begin == 0, block);
      } else {
        add_suspect_block(*sums, begin == 0, unpaired(block),
                          {at.gradients, scalars.inverse_scale, at.old_parameters, at.new_parameters,
                           Rule::kFirstMoment ? at.new_moment1 : nullptr, size});
      }
    }
  }
  if (kStatistics) {
    sums->gradient_max_abs = maximum16(max_abs16);
    sums->non_finite = non_finite;
  }
}

}  // namespace

StepFunction step_function(const StepVariant& variant) {
  if (variant.observe) {
    return rule_traits(variant.algorithm).first_moment ? step_piece<Observe<true>, true>
                                                       : step_piece<Observe<false>, true>;
  }
  return with_rule(variant.algorithm, variant.from_gradient, [&]<class Rule>() -> StepFunction {
    if (variant.clip) return variant.statistics ? step_piece<Clipped<Rule>, true> : step_piece<Clipped<Rule>, false>;
    return variant.statistics ? step_piece<Rule, true> : step_piece<Rule, false>;
  });
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

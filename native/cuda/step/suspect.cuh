#pragma once
// The rare block whose float32 sums cannot be trusted (core/statistics.cc), looked at again by a warp: what is zero or
// constant throughout is right as it is, the rest is summed in float64, in the CPU's eight lanes and order.
#include "cuda/step/block_sums.cuh"

namespace ganno::cuda {
namespace {

/// Below, moments are taken for zero (kNegligibleMoment of core/statistics.cc).
inline constexpr std::uint32_t kNegligibleMomentBits = 0x08800000u;  // 2^-110

/// Written by lane 0, read by all after __syncwarp.
__device__ __forceinline__ void set_field(SharedPointer<double> block, BlockField field, double value) {
  if (lane_index() == 0) block[field] = value;
}

/// An element before and after the step.
struct Stepped {
  float unscaled_gradient;
  float gradient;
  float old_parameter;
  float new_parameter;
  float moment;
};

/// What an element becomes that was not stored. A function of its own: registers are for the common case.
struct Unstored {
  float parameter;
  float moment;
};
template <class Rule>
[[gnu::noinline]] __device__ Unstored step_again(const StepArguments& arguments, SharedPointer<std::uint32_t> stepping,
                                                 std::uint64_t at, float parameter) {
  const auto with = get<Stepping<Rule>>(stepping);
  const SteppedElement again = step_element(with.rule, with.mode, with.inverse_scale, arguments.gradients[at],
                                            parameter, Rule::kMoments > 0 ? arguments.moment1[at] : 0.0f,
                                            Rule::kMoments > 1 ? arguments.moment2[at] : 0.0f);
  return {again.next.parameter.value, again.next.moment1.value};
}

/// A block's arrays after the step. The old parameters were kept in shared memory; what was not stored is stepped
/// again.
template <class Rule>
struct SteppedBlock {
  const StepArguments& arguments;
  BlockRange range;
  SharedPointer<float> old_parameters;
  SharedPointer<std::uint32_t> stepping;

  __device__ __forceinline__ float gradient(std::uint32_t i) const { return arguments.gradients[range.begin + i]; }
  __device__ __forceinline__ Stepped operator[](std::uint32_t i) const {
    const std::uint64_t at = range.begin + i;
    const auto with = get<Stepping<Rule>>(stepping);
    Stepped element;
    element.unscaled_gradient = arguments.gradients[at];
    element.gradient = element.unscaled_gradient * with.inverse_scale;
    element.old_parameter = old_parameters[static_cast<int>(i)];
    element.new_parameter = arguments.parameters[at];
    element.moment = Rule::kFirstMoment ? arguments.moment1[at] : 0.0f;
    if (!with.mode.store) {
      const Unstored again = step_again<Rule>(arguments, stepping, at, element.old_parameter);
      element.new_parameter = again.parameter;
      element.moment = again.moment;
    }
    return element;
  }
};

/// Which of a block's arrays have a float32 sum that is not right (Suspects of core/statistics.cc): bits of a word.
enum Suspect : unsigned { kSuspectGradient = 1, kSuspectParameter = 2, kSuspectUpdate = 4, kSuspectMoment = 8 };

template <class Rule>
__device__ __forceinline__ unsigned find_suspects(SharedPointer<double> block, const SteppedBlock<Rule>& at) {
  const auto bits = [](float x) { return __float_as_uint(x); };
  const auto magnitude = [](float x) { return __float_as_uint(x) & 0x7fffffffu; };
  const std::uint32_t first_gradient = bits(at.gradient(0));
  const std::uint32_t first_parameter = bits(at.old_parameters[0]);
  enum : unsigned {
    kGradient = 1,
    kEqualGradient = 2,
    kParameter = 4,
    kEqualParameter = 8,
    kUpdate = 16,
    kMoment = 32
  };
  unsigned not_zero = 0;  // what is not zero, or not all the same, throughout
#pragma unroll 1
  for (std::uint32_t i = lane_index(); i < at.range.size; i += kWarpSize) {
    const Stepped element = at[i];
    if (magnitude(element.unscaled_gradient) != 0) not_zero |= kGradient;
    if (bits(element.unscaled_gradient) != first_gradient) not_zero |= kEqualGradient;
    if (magnitude(element.old_parameter) != 0) not_zero |= kParameter;
    if (bits(element.old_parameter) != first_parameter) not_zero |= kEqualParameter;
    if (bits(element.old_parameter) != bits(element.new_parameter)) not_zero |= kUpdate;
    if (magnitude(element.moment) >= kNegligibleMomentBits) not_zero |= kMoment;
  }
  for (int distance = 16; distance > 0; distance /= 2) not_zero |= __shfl_xor_sync(kAllLanes, not_zero, distance);
  const auto wrong = [&](double sum, unsigned what) { return !in_range(sum) && !(sum == 0 && (not_zero & what) == 0); };
  unsigned suspects = 0;
  if (wrong(squares(block, kBlockGradientCount), kGradient) ||
      wrong(block[kBlockGradientDeviationSquared], kEqualGradient) || !keeps_digits(block, kBlockGradientCount)) {
    suspects |= kSuspectGradient;
  }
  if (wrong(squares(block, kBlockParameterCount), kParameter) ||
      wrong(block[kBlockParameterDeviationSquared], kEqualParameter) || !keeps_digits(block, kBlockParameterCount)) {
    suspects |= kSuspectParameter;
  }
  if (wrong(block[kBlockUpdateSquared], kUpdate)) suspects |= kSuspectUpdate;
  if (Rule::kFirstMoment && wrong(block[kBlockMomentSquared], kMoment)) suspects |= kSuspectMoment;
  return suspects;
}

/// The first of eight lanes' sums, put together as exact_sum() of core/statistics.cc does; right in lane 0.
__device__ __forceinline__ double fold8(double sum) {
  for (int distance = 4; distance > 0; distance /= 2) sum += __shfl_xor_sync(kAllLanes, sum, distance);
  return sum;
}

__device__ __forceinline__ double finite_or_zero(float x) {
  return is_finite(x) ? static_cast<double>(x) : 0.0;
}

/// exact_deviations() of core/statistics.cc, of the finite values from the first of them, into four fields of a block.
template <class Value>
__device__ __forceinline__ void write_exact_deviations(SharedPointer<double> block, BlockField count_field,
                                                       std::uint32_t size, Value value) {
  double shift = 0;
#pragma unroll 1
  for (std::uint32_t begin = 0; begin < size; begin += kWarpSize) {
    const std::uint32_t i = begin + lane_index();
    const unsigned finite = __ballot_sync(kAllLanes, i < size && is_finite(value(i)));
    if (finite == 0) continue;
    shift = static_cast<double>(value(begin + static_cast<std::uint32_t>(__ffs(static_cast<int>(finite)) - 1)));
    break;
  }
  double count = 0, deviation = 0, deviation_squared = 0;
  if (lane_index() < 8) {
#pragma unroll 4
    for (std::uint32_t i = lane_index(); i < size; i += 8) {
      const float own = value(i);
      const double difference = is_finite(own) ? static_cast<double>(own) - shift : 0.0;
      count += is_finite(own) ? 1.0 : 0.0;
      deviation += difference;
      deviation_squared += difference * difference;
    }
  }
  set_field(block, count_field, fold8(count));
  set_field(block, static_cast<BlockField>(count_field + 2), shift);
  set_field(block, static_cast<BlockField>(count_field + 4), fold8(deviation));
  set_field(block, static_cast<BlockField>(count_field + 6), fold8(deviation_squared));
}

/// add_suspect_block() of core/statistics.cc, but for the adding: puts right in `block` what is not. Eight lanes sum,
/// element i in lane i mod 8.
template <class Rule>
__device__ __forceinline__ void resolve_suspects(SharedPointer<double> block, const SteppedBlock<Rule>& at) {
  const unsigned suspects = find_suspects(block, at);
  __syncwarp();  // before what was read is written
  if (suspects == 0) return;
  const std::uint32_t size = at.range.size;
  if (suspects & kSuspectGradient) {
    write_exact_deviations(block, kBlockGradientCount, size, [&](std::uint32_t i) {
      return at.gradient(i) * get<Stepping<Rule>>(at.stepping).inverse_scale;
    });
  }
  if (suspects & kSuspectParameter) {
    write_exact_deviations(block, kBlockParameterCount, size,
                           [&](std::uint32_t i) -> float { return at.old_parameters[static_cast<int>(i)]; });
  }
  // One sum after another, although each takes the block's elements again: registers.
#pragma unroll 1
  for (int field = kBlockMomentSquared; field <= kBlockGradientUpdate; ++field) {
    const bool of_gradient = field >= kBlockGradientMoment;
    const unsigned of = field == kBlockMomentSquared || field == kBlockGradientMoment   ? kSuspectMoment
                        : field == kBlockUpdateSquared || field == kBlockGradientUpdate ? kSuspectUpdate
                                                                                        : kSuspectParameter;
    if ((suspects & (of_gradient ? of | kSuspectGradient : of)) == 0) continue;
    if (of == kSuspectMoment && !Rule::kFirstMoment) continue;
    double sum = 0;
    if (lane_index() < 8) {
#pragma unroll 1
      for (std::uint32_t i = lane_index(); i < size; i += 8) {
        const Stepped element = at[i];
        const double value = finite_or_zero(of == kSuspectMoment   ? element.moment
                                            : of == kSuspectUpdate ? element.new_parameter - element.old_parameter
                                                                   : element.old_parameter);
        sum += (of_gradient ? finite_or_zero(element.gradient) : value) * value;
      }
    }
    set_field(block, static_cast<BlockField>(field), fold8(sum));
  }
  __syncwarp();
}

}  // namespace
}  // namespace ganno::cuda

#pragma once
// The fused step: an optimiser step of all layers and their statistics, one launch, every byte once.
//
// Bytes per element: reads gradient, parameter and moments, writes parameter and moments: 12 with no moment, 20 with
// one, 28 with two; 0.1 more for the sums of blocks.
//
// A warp takes a block of 1,024 elements in slabs of 128, four consecutive elements a lane (128-bit accesses). The
// CPU's sums have another layout, 16 lanes with element i in lane i mod 16, each lane in order, so a slab's values go
// through shared memory:
//
//              lane 0     lane 1           lane 31
//   compute    0 1 2 3    4 5 6 7    ...   124 125 126 127
//   sum        0 16 32..  1 17 33..  (lanes 0-15: the gradient's sums)   0 16 32.. (lanes 16-31: the parameter's)
//
// Old parameters of the whole block stay in shared memory (4 KiB), because a block whose sums turn out to be out of
// float32's range is summed again, and by then they are overwritten.
#include "core/block_sums.h"
#include "core/step_scalars.h"
#include "cuda/step/fold.cuh"
#include "cuda/step/suspect.cuh"

namespace ganno::cuda {
namespace {

inline constexpr unsigned kHalfWarp = 16;
// One row of padding: the halves of a warp read gradients and parameters at the same time, from other banks.
inline constexpr std::uint32_t kStagingSize = static_cast<std::uint32_t>(kBlockSize) + 3 * kSlabSize + kHalfWarp;

/// A layer's scalars: as a pass before made them, or made here, of the controls and the layer's own step counter.
template <Algorithm kAlgorithm>
__device__ __forceinline__ PreparedLayer layer_scalars(const StepArguments& arguments, std::uint32_t layer) {
  if (arguments.prepared != nullptr) return arguments.prepared[layer];
  const double* control = arguments.controls + layer * kStepControlCount;
  PreparedLayer made{
      rules::step_scalars(kAlgorithm, arguments.hyperparameters, arguments.state[layer].next,
                          control[kLearningRateControl], control[kWeightDecayControl], control[kMomentumControl],
                          static_cast<float>(arguments.controls[arguments.layer_count * kStepControlCount])),
      0};
  made.scalars.store = arguments.store;
  made.scalars.propagate = arguments.policy == NonFinitePolicy::kPropagate;
  return made;
}

/// What a lane sums over a block: lanes 0-15 of the gradient, with the moment; lanes 16-31 of the parameter, with the
/// update.
struct LaneSums {
  float deviation = 0;
  float deviation_squared = 0;
  float other_squared = 0;       // moment, update
  float gradient_product = 0;    // gradient x moment, gradient x update
  float gradient_parameter = 0;  // lanes 16-31
  float max_abs = 0;
};

/// Counts of the exceptional elements that a lane, and then a warp, met in a block: three in one register, because they
/// are kept for a case that hardly ever comes.
struct Exceptions {
  std::uint32_t packed = 0;  // at most 32 a lane: 8 bits each are enough

  __device__ __forceinline__ void add(bool non_finite, bool gradient, bool parameter) {
    packed += static_cast<std::uint32_t>(non_finite) | static_cast<std::uint32_t>(gradient) << 8 |
              static_cast<std::uint32_t>(parameter) << 16;
  }
  __device__ __forceinline__ unsigned of_warp(int which) const {
    return __reduce_add_sync(kAllLanes, packed >> (8 * which) & 0xffu);
  }
};

/// The finite value of least magnitude in a half-warp; of two, the positive one; 0 when none is finite.
__device__ __forceinline__ float least_magnitude(float value) {
  const unsigned word = __float_as_uint(value);
  unsigned key = word << 1 | word >> 31;
  for (int distance = 8; distance > 0; distance /= 2) {
    const unsigned other = __shfl_xor_sync(kAllLanes, key, distance);
    key = other < key ? other : key;
  }
  return key < 0xff000000u ? __uint_as_float(key >> 1 | key << 31) : 0.0f;
}

/// The shared memory of a warp.
struct Staging {
  SharedPointer<float> old_parameters;  // of the block
  SharedPointer<float> gradients;       // of the slab, as the others
  SharedPointer<float> moments;
  SharedPointer<float> new_parameters;

  __device__ explicit Staging(SharedPointer<float> memory)
      : old_parameters(memory),
        gradients(memory + static_cast<int>(kBlockSize) + static_cast<int>(kHalfWarp)),
        moments(gradients + static_cast<int>(kSlabSize)),
        new_parameters(moments + static_cast<int>(kSlabSize)) {}
};

/// Adds the first `size` elements of a slab to the lanes. `plain`: all of it is finite.
__device__ __forceinline__ void add_slab(const Staging& staging, std::uint32_t slab, std::uint32_t size, bool plain,
                                         float shift, LaneSums& sums) {
  const bool gradient_half = lane_index() < kHalfWarp;
  const SharedPointer<float> own = gradient_half ? staging.gradients : staging.old_parameters + static_cast<int>(slab);
  const SharedPointer<float> other = gradient_half ? staging.moments : staging.new_parameters;
#pragma unroll 1
  for (std::uint32_t at = lane_index() % kHalfWarp; at < size; at += kHalfWarp) {
    float value = own[static_cast<int>(at)];
    float gradient = staging.gradients[static_cast<int>(at)];
    float partner = other[static_cast<int>(at)];
    if (!gradient_half) partner = partner - value;  // the update
    float deviation = value - shift;
    if (!plain) {
      if (!is_finite(value)) value = deviation = 0;
      if (!is_finite(gradient)) gradient = 0;
      if (!is_finite(partner)) partner = 0;
    }
    sums.deviation = sums.deviation + deviation;
    sums.deviation_squared = sums.deviation_squared + deviation * deviation;
    sums.other_squared = sums.other_squared + partner * partner;
    sums.gradient_product = sums.gradient_product + gradient * partner;
    sums.gradient_parameter = sums.gradient_parameter + gradient * value;
    sums.max_abs = fold::larger(sums.max_abs, fabsf(value));
  }
}

/// Folds the lanes into `block`; which no lane may read before __syncwarp.
__device__ __forceinline__ void fold_lanes(const LaneSums& sums, float shift, std::uint32_t size,
                                           const Exceptions& exceptions, bool has_moment, SharedPointer<double> block) {
  const bool gradient_half = lane_index() < kHalfWarp;
  const bool writes = lane_index() % kHalfWarp == 0;  // one lane of each half
  const auto write = [&](BlockField of_gradient, BlockField of_parameter, double value) {
    if (writes) block[gradient_half ? of_gradient : of_parameter] = value;
  };
  const unsigned gradients = exceptions.of_warp(1), parameters = exceptions.of_warp(2);
  write(kBlockGradientCount, kBlockParameterCount,
        static_cast<double>(size - (gradient_half ? gradients : parameters)));
  write(kBlockGradientShift, kBlockParameterShift, static_cast<double>(shift));
  write(kBlockGradientDeviation, kBlockParameterDeviation, fold16(sums.deviation));
  write(kBlockGradientDeviationSquared, kBlockParameterDeviationSquared, fold16(sums.deviation_squared));
  const double other_squared = fold16(sums.other_squared);
  write(kBlockMomentSquared, kBlockUpdateSquared, gradient_half && !has_moment ? 0.0 : other_squared);
  const double gradient_product = fold16(sums.gradient_product);
  write(kBlockGradientMoment, kBlockGradientUpdate, gradient_half && !has_moment ? 0.0 : gradient_product);
  const double gradient_parameter = fold16(sums.gradient_parameter);
  if (writes && !gradient_half) block[kBlockGradientParameter] = gradient_parameter;
}

/// all_in_range() of core/block_sums.h.
__device__ __forceinline__ bool all_in_range(SharedPointer<double> block, bool has_moment) {
  return in_range(block[kBlockGradientDeviationSquared]) && in_range(block[kBlockParameterDeviationSquared]) &&
         in_range(block[kBlockUpdateSquared]) && in_range(squares(block, kBlockGradientCount)) &&
         in_range(squares(block, kBlockParameterCount)) && (!has_moment || in_range(block[kBlockMomentSquared])) &&
         keeps_digits(block, kBlockGradientCount) && keeps_digits(block, kBlockParameterCount);
}

/// add_trusted_block() of core/block_sums.h to nothing: lanes 0 and 1 make the moments, the others copy.
__device__ __forceinline__ void write_record(SharedPointer<double> block, float max_abs, unsigned non_finite,
                                             LayerSums* record) {
  const unsigned lane = lane_index();
  auto* fields = reinterpret_cast<double*>(record);
  if (lane < 2) {
    const int first = lane == 0 ? kBlockGradientCount : kBlockParameterCount;
    const Moments moments = block_moments(block[first], block[first + 1], block[first + 2], block[first + 3]);
    const int to = lane == 0 ? kGradientCount : kParameterCount;
    fields[to] = moments.count;
    fields[to + 1] = moments.mean;
    fields[to + 2] = moments.squared_deviations;
  } else if (lane < 7) {
    fields[kFirstProduct + lane - 2] = block[static_cast<int>(kBlockMomentSquared + lane - 2)];
  } else if (lane == 7) {
    record->non_finite = non_finite;
    record->gradient_max_abs = max_abs;
  }
}

/// Steps a lane's four elements of a slab one by one, as those must be that are not finite or not to be changed.
template <class Rule, bool kStatistics>
__device__ __forceinline__ void step_exceptional(const StepArguments& arguments, const Rule& rule, Mode mode,
                                                 float inverse_scale, const BlockRange& range, std::uint32_t first,
                                                 const Staging& staging, Exceptions& exceptions) {
#pragma unroll 1
  for (std::uint32_t i = 0; i < 4 && first + i < range.size; ++i) {
    const std::uint64_t at = range.begin + first + i;
    const SteppedElement element = step_element(
        rule, mode, inverse_scale, arguments.gradients[at], arguments.parameters[at],
        Rule::kMoments > 0 ? arguments.moment1[at] : 0.0f, Rule::kMoments > 1 ? arguments.moment2[at] : 0.0f);
    if (element.exceptional) {
      exceptions.add(!element.good, !is_finite(element.gradient), !is_finite(element.old.parameter));
    }
    if (mode.store) {
      arguments.parameters[at] = element.next.parameter.value;
      if (Rule::kMoments > 0) arguments.moment1[at] = element.next.moment1.value;
      if (Rule::kMoments > 1) arguments.moment2[at] = element.next.moment2.value;
    }
    if (kStatistics) {
      const auto in_slab = static_cast<int>((first + i) % kSlabSize);
      staging.moments[in_slab] = element.next.moment1.value;
      staging.new_parameters[in_slab] = element.next.parameter.value;
    }
  }
}

/// Steps a block. With statistics, lane 0 writes its sums to `record`.
template <class Rule, bool kStatistics>
__device__ __forceinline__ void step_block(const StepArguments& arguments, const Rule& rule, Mode mode,
                                           float inverse_scale, const BlockRange& range, const Staging& staging,
                                           LayerSums* record) {
  LaneSums sums;
  Exceptions exceptions;
  float shift = 0;
  for (std::uint32_t slab = 0; slab < range.size; slab += kSlabSize) {
    const std::uint32_t first = slab + 4 * lane_index();
    const std::uint64_t at = range.begin + first;
    const bool inside = first < range.size;  // arrays are padded with zeros, so four are there where one is
    const float4 none = make_float4(0, 0, 0, 0);
    float4 gradient = inside ? load4(arguments.gradients + at) : none;
    float4 parameter = inside ? load4(arguments.parameters + at) : none;
    float4 moment1 = Rule::kMoments > 0 && inside ? load4(arguments.moment1 + at) : none;
    float4 moment2 = Rule::kMoments > 1 && inside ? load4(arguments.moment2 + at) : none;
    const int lane = static_cast<int>(lane_index());
    if (kStatistics) shared_as<float4>(staging.old_parameters)[static_cast<int>(slab / 4) + lane] = parameter;
    // Most slabs are finite throughout; the others, and those of layers that are skipped, are stepped again below.
    bool exceptional = mode.observe;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const Vector scaled{component(gradient, i) * inverse_scale};
      const cuda_scalar::Elements next =
          rule.step(scaled, {{component(parameter, i)}, {component(moment1, i)}, {component(moment2, i)}});
      exceptional = exceptional || !is_finite(Rule::evidence(scaled, next));
      set_component(gradient, i, scaled.value);
      set_component(parameter, i, next.parameter.value);
      set_component(moment1, i, next.moment1.value);
      set_component(moment2, i, next.moment2.value);
    }
    if (mode.store && inside && !exceptional) {  // the padding steps from 0 to 0
      store4(arguments.parameters + at, parameter);
      if (Rule::kMoments > 0) store4(arguments.moment1 + at, moment1);
      if (Rule::kMoments > 1) store4(arguments.moment2 + at, moment2);
    }
    if (kStatistics) {
      shared_as<float4>(staging.gradients)[lane] = gradient;
      shared_as<float4>(staging.moments)[lane] = moment1;
      shared_as<float4>(staging.new_parameters)[lane] = parameter;
    }
    if (exceptional)
      step_exceptional<Rule, kStatistics>(arguments, rule, mode, inverse_scale, range, first, staging, exceptions);
    if (kStatistics) {
      const bool plain = !__any_sync(kAllLanes, exceptional);
      __syncwarp();
      if (slab == 0) {
        const int row_lane = lane % static_cast<int>(kHalfWarp);
        const float candidate =
            lane < static_cast<int>(kHalfWarp) ? staging.gradients[row_lane] : staging.old_parameters[row_lane];
        const bool exists = static_cast<std::uint32_t>(row_lane) < range.size;
        shift = least_magnitude(exists ? candidate : __uint_as_float(0x7fc00000u));
      }
      const std::uint32_t left = range.size - slab;
      add_slab(staging, slab, left < kSlabSize ? left : kSlabSize, plain, shift, sums);
      __syncwarp();
    }
  }
  if (!kStatistics) return;

  // The slab's staging is free by now.
  const SharedPointer<double> block = shared_as<double>(staging.gradients);
  fold_lanes(sums, shift, range.size, exceptions, Rule::kFirstMoment, block);
  __syncwarp();
  if (!all_in_range(block, Rule::kFirstMoment)) {
    resolve_suspects(block, SteppedBlock<Rule>{arguments, rule, mode, inverse_scale, range, staging.old_parameters});
  }
  for (int distance = 8; distance > 0; distance /= 2) {
    sums.max_abs = fold::larger(sums.max_abs, __shfl_xor_sync(kAllLanes, sums.max_abs, distance));
  }
  write_record(block, __shfl_sync(kAllLanes, sums.max_abs, 0), exceptions.of_warp(0), record);
  __syncwarp();  // shared memory is read until here
}

/// The last warp of a layer: its statistics, from its sums.
template <class Rule, Algorithm kAlgorithm>
__device__ inline void write_statistics(const StepArguments& arguments, std::uint32_t layer) {
  double correction = 1;
  if (arguments.prepared != nullptr) {
    correction = arguments.prepared[layer].scalars.moment_correction;
  } else if (kAlgorithm == Algorithm::kAdam || kAlgorithm == Algorithm::kAdamW || kAlgorithm == Algorithm::kLamb) {
    correction = 1 / arguments.state[layer].next.correction1;
  }
  fold::finalize_statistics(arguments.layer_sums[layer], Rule::kFirstMoment, correction,
                            arguments.statistics + static_cast<std::uint64_t>(layer) * kStepStatisticCount);
}

/// What follows an item's blocks. A function of its own: registers are for the blocks.
template <class Rule, Algorithm kAlgorithm, bool kStatistics>
[[gnu::noinline]] __device__ void finish_step(const StepArguments& arguments, Item item, std::uint32_t layer,
                                              bool stores) {
  if (kStatistics) {
    if (!finish_item(arguments, item, arguments.block_sums, arguments.piece_sums, arguments.layer_sums)) return;
    if (lane_index() == 0) write_statistics<Rule, kAlgorithm>(arguments, layer);
  } else {
    if (!last_to_finish(&arguments.piece_tickets[item.piece], arguments.piece_items[item.piece])) return;
    if (!last_to_finish(&arguments.layer_tickets[layer], arguments.layers[layer].piece_count)) return;
  }
  if (lane_index() == 0 && stores) {
    LayerState& state = arguments.state[layer];
    ++state.steps;
    state.next = rules::bias_corrections(arguments.hyperparameters, state.steps + 1);
  }
}

// Registers: at most 102 with statistics (five blocks of 128 threads a multiprocessor, which still have 40 KiB of loads
// under way), 64 without; nothing is spilled on sm_80, sm_90 and sm_100 (scripts/cuda-registers). With statistics in
// 64, 46 bytes a thread would be.
template <class PlainRule, Algorithm kAlgorithm, bool kStatistics>
__global__ void __launch_bounds__(kWarpsPerBlock* kWarpSize, kStatistics ? 5 : 8)
    step_kernel(const __grid_constant__ StepArguments arguments) {
  using Rule = cuda_scalar::Clipped<PlainRule>;  // without clipping it multiplies by 1, which changes nothing
  GANNO_SHARED(float, memory, kStatistics ? kWarpsPerBlock* kStagingSize : 4);
  const std::uint32_t warp = threadIdx.x / kWarpSize;
  const std::uint32_t index = blockIdx.x * kWarpsPerBlock + warp;
  if (index >= arguments.item_count) return;
  const Item item = arguments.items[index];
  const PieceEntry piece = arguments.pieces[item.piece];
  bool stores = false;
  {
    const PreparedLayer layer = layer_scalars<kAlgorithm>(arguments, piece.layer);
    const Mode mode{layer.scalars.propagate, layer.scalars.store, layer.skipped != 0};
    const Rule rule(layer.scalars);
    const ArrayEntry array = arguments.arrays[item.array];
    const Staging staging(memory + static_cast<int>(kStatistics ? warp * kStagingSize : 0));
    LayerSums* const records = arguments.block_sums + piece.first_record;
    stores = mode.store;
    if (kStatistics || !mode.observe) {
      for (std::uint32_t i = 0; i < item.block_count; ++i) {
        const std::uint32_t block = item.first_block + i;
        step_block<Rule, kStatistics>(arguments, rule, mode, layer.scalars.inverse_scale, block_range(array, block),
                                      staging, records + (block - piece.first_block));
      }
    }
  }

  finish_step<Rule, kAlgorithm, kStatistics>(arguments, item, piece.layer, stores);
}

}  // namespace
}  // namespace ganno::cuda

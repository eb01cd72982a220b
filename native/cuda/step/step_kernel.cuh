#pragma once
// The fused step: an optimiser step of all layers and their statistics, one launch, every byte once.
//
// Bytes per element: reads gradient, parameter and moments, writes parameter and moments: 12 with no moment, 20 with
// one, 28 with two; 0.1 more for the sums of blocks.
//
// A warp takes a block of 1,024 elements in chunks of 128, four consecutive elements a lane (128-bit accesses). The
// CPU's sums have another layout, 16 lanes with element i in lane i mod 16, each lane in order, so a chunk's values go
// through shared memory:
//
//              lane 0     lane 1           lane 31
//   compute    0 1 2 3    4 5 6 7    ...   124 125 126 127
//   sum        0 16 32..  1 17 33..  (lanes 0-15: the gradient's sums)   0 16 32.. (lanes 16-31: the parameter's)
//
// Old parameters of the whole block stay in shared memory (4 KiB), because a block whose sums turn out to be out of
// float32's range is summed again, and by then they are overwritten.
//
// Registers are what decides how many bytes are under way, so a warp keeps in them what its elements need and little
// else: scalars and the place of its blocks lie in shared memory, what is rare is in functions of its own.
#include "core/step_scalars.h"
#include "cuda/step/suspect.cuh"

namespace ganno::cuda {
namespace {

/// A piece's scalars: as a pass before made them, or made here, of the controls and its cohort's step counter.
template <class Rule>
__device__ __forceinline__ PreparedCohort piece_scalars(const StepArguments& arguments, const PieceEntry& piece) {
  if (arguments.prepared != nullptr) return arguments.prepared[piece.cohort];
  const double* control = arguments.controls + piece.layer * kControlCount;
  PreparedCohort made{
      rules::step_scalars(Rule::kAlgorithm, arguments.hyperparameters, arguments.state[piece.cohort].next,
                          control[kControlLearningRate], weight_decay(arguments, piece.cohort, control),
                          control[kControlMomentum],
                          static_cast<float>(arguments.controls[arguments.layer_count * kControlCount])),
      0};
  made.scalars.store = arguments.store;
  made.scalars.propagate = arguments.policy == NonFinitePolicy::kPropagate;
  return made;
}

/// Steps a lane's four elements of a chunk one by one, as those must be that are not finite or not to be changed. A
/// function of its own, as all that is rare: registers are for the common case.
/// @returns the counts of the exceptional ones
template <class Rule, bool kStatistics>
[[gnu::noinline]] __device__ std::uint32_t step_exceptional(const StepArguments& arguments, SharedPointer<float> memory,
                                                            std::uint32_t index, std::uint32_t chunk) {
  const Staging staging(memory);
  const auto [rule, inverse_scale, mode] = get<Stepping<Rule>>(staging.stepping);
  const BlockRange range = get<Work>(staging.work).range(index);
  const std::uint32_t first = chunk + 4 * lane_index();
  Exceptions exceptions;
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
      const auto in_chunk = static_cast<int>((first + i) % kChunkSize);
      staging.moments[in_chunk] = element.next.moment1.value;
      staging.new_parameters[in_chunk] = element.next.parameter.value;
    }
  }
  return exceptions.packed;
}

/// Steps one of the warp's blocks. With statistics, its sums are left in its record.
template <class Rule, bool kStatistics>
__device__ __forceinline__ void step_block(const StepArguments& arguments, const Staging& staging,
                                           std::uint32_t index) {
  const BlockRange range = get<Work>(staging.work).range(index);
  LaneSums sums;
  Exceptions exceptions;
  float shift = 0;
  for (std::uint32_t chunk = 0; chunk < range.size; chunk += kChunkSize) {
    const auto with = get<Stepping<Rule>>(staging.stepping);
    const std::uint32_t first = chunk + 4 * lane_index();
    const std::uint64_t at = range.begin + first;
    const bool inside = first < range.size;  // arrays are padded with zeros, so four are there where one is
    const float4 none = make_float4(0, 0, 0, 0);
    float4 gradient = inside ? load4(arguments.gradients + at) : none;
    float4 parameter = inside ? load4(arguments.parameters + at) : none;
    float4 moment1 = Rule::kMoments > 0 && inside ? load4(arguments.moment1 + at) : none;
    float4 moment2 = Rule::kMoments > 1 && inside ? load4(arguments.moment2 + at) : none;
    const int lane = static_cast<int>(lane_index());
    if (kStatistics) shared_as<float4>(staging.old_parameters)[static_cast<int>(chunk / 4) + lane] = parameter;
    // Most chunks are finite throughout; the others, and those of layers that are skipped, are stepped again below.
    bool exceptional = with.mode.observe;
    // One after another: a warp waits for memory, not for these, and registers are for what it waits for.
#pragma unroll 1
    for (int i = 0; i < 4; ++i) {
      const Vector scaled{gradient.x * with.inverse_scale};
      const cuda_scalar::Elements next = with.rule.step(scaled, {{parameter.x}, {moment1.x}, {moment2.x}});
      exceptional = exceptional || !is_finite(Rule::evidence(scaled, next));
      rotate(gradient, scaled.value);
      rotate(parameter, next.parameter.value);
      rotate(moment1, next.moment1.value);
      rotate(moment2, next.moment2.value);
    }
    if (with.mode.store && inside && !exceptional) {  // the padding steps from 0 to 0
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
      exceptions.packed += step_exceptional<Rule, kStatistics>(arguments, shared_as<float>(staging.work), index, chunk);
    if (kStatistics) {
      const bool plain = !__any_sync(kAllLanes, exceptional);
      __syncwarp();
      if (chunk == 0) {
        const int row_lane = lane % static_cast<int>(kHalfWarp);
        const float candidate =
            lane < static_cast<int>(kHalfWarp) ? staging.gradients[row_lane] : staging.old_parameters[row_lane];
        const bool exists = static_cast<std::uint32_t>(row_lane) < range.size;
        shift = least_magnitude(exists ? candidate : __uint_as_float(0x7fc00000u));
      }
      const std::uint32_t left = range.size - chunk;
      add_chunk(staging, chunk, left < kChunkSize ? left : kChunkSize, plain, shift, sums);
      __syncwarp();
    }
  }
  if (!kStatistics) return;

  // Computed where it is needed, as the range below: registers.
  const auto record = [&] { return arguments.block_sums + get<Work>(staging.work).record(index); };
  write_extremes(sums, exceptions, record());
  // The chunk's staging is free by now.
  const SharedPointer<double> block = shared_as<double>(staging.new_parameters);
  put_lanes<Rule::kFirstMoment>(sums, shift, range.size, exceptions, staging.gradients, block);
  __syncwarp();
  fold_rows(staging.gradients, block);
  if (!all_in_range<Rule::kFirstMoment>(block)) {
    resolve_suspects(block, SteppedBlock<Rule>{arguments, get<Work>(staging.work).range(index), staging.old_parameters,
                                               staging.stepping});
  }
  write_moments(block, record());
  __syncwarp();  // shared memory is read until here
}

/// The last warp of a layer: its statistics, from its sums.
template <class Rule>
__device__ inline void write_statistics(const StepArguments& arguments, std::uint32_t layer) {
  const LayerEntry entry = arguments.layers[layer];
  // With several ages, each piece was corrected before they were added.
  const double correction = entry.one_age != 0 ? moment_correction(arguments, entry.first_cohort) : 1;
  fold::finalize_statistics(arguments.layer_sums[layer], Rule::kFirstMoment, correction,
                            arguments.statistics + static_cast<std::uint64_t>(layer) * kStepStatisticCount);
}

/// What follows an item's blocks. A function of its own: registers are for the blocks.
template <class Rule, bool kStatistics>
[[gnu::noinline]] __device__ void finish_step(const StepArguments& arguments, std::uint32_t index) {
  const Item item = arguments.items[index];
  const std::uint32_t layer = arguments.pieces[item.piece].layer;
  if (kStatistics) {
    if (!finish_item(arguments, item, arguments.block_sums, arguments.piece_sums, arguments.layer_sums)) return;
    if (lane_index() == 0) write_statistics<Rule>(arguments, layer);
  } else {
    if (!last_to_finish(&arguments.piece_tickets[item.piece], arguments.piece_items[item.piece])) return;
    if (!last_to_finish(&arguments.layer_tickets[layer], arguments.layers[layer].piece_count)) return;
  }
  const LayerEntry entry = arguments.layers[layer];
  if (arguments.prepared != nullptr ? !arguments.prepared[entry.first_cohort].scalars.store : !arguments.store) return;
  for (std::uint32_t i = lane_index(); i < entry.cohort_count; i += kWarpSize) {
    CohortState& state = arguments.state[entry.first_cohort + i];
    ++state.steps;
    state.next = rules::bias_corrections(arguments.hyperparameters, state.steps + 1);
  }
}

// At most 64 registers, eight blocks a multiprocessor, and nothing spilled (scripts/cuda-registers).
template <class PlainRule, bool kStatistics>
__global__ void __launch_bounds__(kWarpsPerBlock* kWarpSize, 8)
    step_kernel(const __grid_constant__ StepArguments arguments) {
  using Rule = cuda_scalar::Clipped<PlainRule>;  // without clipping it multiplies by 1, which changes nothing
  constexpr int kStagingSize = Staging::size<kStatistics>();
  static_assert(sizeof(Stepping<Rule>) <= 4 * Staging::kSteppingSize);
  GANNO_SHARED(float, memory, kWarpsPerBlock* kStagingSize);
  const std::uint32_t warp = threadIdx.x / kWarpSize;
  const std::uint32_t index = blockIdx.x * kWarpsPerBlock + warp;
  if (index >= arguments.item_count) return;
  const auto staging = [&](std::uint32_t of) { return Staging(memory + static_cast<int>(of) * kStagingSize); };
  {
    const Item item = arguments.items[index];
    const PieceEntry piece = arguments.pieces[item.piece];
    const ArrayEntry array = arguments.arrays[item.array];
    const Stepping<Rule> with(piece_scalars<Rule>(arguments, piece));
    const bool idle = !kStatistics && with.mode.observe;
    if (lane_index() == 0) {
      put(staging(warp).stepping, with);
      put(staging(warp).work, Work{array.offset, array.size, item.first_block, idle ? 0 : item.block_count,
                                   piece.first_record - piece.first_block, 0});
    }
  }
  __syncwarp();
  for (std::uint32_t i = 0; i < get<Work>(staging(warp).work).block_count; ++i) {
    step_block<Rule, kStatistics>(arguments, staging(launder(warp)), i);
  }
  finish_step<Rule, kStatistics>(arguments, index);
}

}  // namespace
}  // namespace ganno::cuda

#pragma once
// Passes over the arrays before a step, for what it must know of a whole layer: norms (LARS, LAMB, clipping) and
// whether a gradient is not finite. Blocks, lanes and folds are those of the step. Bytes per element: 4 to 16, read.
#include "core/block_sums.h"
#include "core/step_scalars.h"
#include "cuda/step/fold.cuh"

namespace ganno::cuda {
namespace {

/// Lanes 0-15 sum directions, lanes 16-31 parameters.
inline constexpr std::uint32_t kMeasureStagingSize = 2 * kChunkSize + kWarpSize / 2;

/// block_squares() of core/statistics.cc for a warp: `value(i)` again, in float64, where the float32 sum is out of
/// range.
template <class Value>
__device__ __forceinline__ double trusted_squares(double sum, std::uint32_t size, Value value) {
  if (in_range(sum)) return sum;
  if (sum == 0) {
    bool zero = true;
    for (std::uint32_t i = lane_index(); i < size; i += kWarpSize) {
      zero = zero && (__float_as_uint(value(i)) & 0x7fffffffu) == 0;
    }
    if (__all_sync(kAllLanes, zero)) return sum;
  }
  double exact = 0;  // one sum from the first to the last, in every lane
  for (std::uint32_t i = 0; i < size; ++i) {
    const float v = value(i);
    if (cuda_scalar::is_finite(v)) exact += static_cast<double>(v) * static_cast<double>(v);
  }
  return exact;
}

template <class Measure>
__device__ __forceinline__ cuda_scalar::Elements elements_at(const StepArguments& arguments, std::uint64_t at) {
  return {{Measure::kParameters ? arguments.parameters[at] : 0.0f},
          {Measure::kMoments > 0 ? arguments.moment1[at] : 0.0f},
          {Measure::kMoments > 1 ? arguments.moment2[at] : 0.0f}};
}

template <class Measure>
__device__ __forceinline__ void measure_block(const StepArguments& arguments, const Measure& measure,
                                              float inverse_scale, const BlockRange& range, SharedPointer<float> memory,
                                              Norms* record) {
  const SharedPointer<float> directions = memory;
  const SharedPointer<float> parameters = memory + static_cast<int>(kChunkSize + kWarpSize / 2);
  const bool direction_half = lane_index() < kWarpSize / 2;
  const auto direction_at = [&](std::uint32_t i) {
    const float direction = measure
                                .direction(cuda_scalar::Vector{arguments.gradients[range.begin + i] * inverse_scale},
                                           elements_at<Measure>(arguments, range.begin + i))
                                .value;
    return cuda_scalar::is_finite(direction) ? direction : 0.0f;
  };
  float squared = 0;
  for (std::uint32_t chunk = 0; chunk < range.size; chunk += kChunkSize) {
    const std::uint32_t first = chunk + 4 * lane_index();
    const std::uint64_t at = range.begin + first;
    const bool inside = first < range.size;
    const float4 none = make_float4(0, 0, 0, 0);
    float4 direction = inside ? load4(arguments.gradients + at) : none;  // the gradient, first
    float4 parameter = Measure::kParameters && inside ? load4(arguments.parameters + at) : none;
    float4 moment1 = Measure::kMoments > 0 && inside ? load4(arguments.moment1 + at) : none;
    float4 moment2 = Measure::kMoments > 1 && inside ? load4(arguments.moment2 + at) : none;
#pragma unroll 1
    for (std::uint32_t i = 0; i < 4; ++i) {
      const cuda_scalar::Vector scaled{direction.x * inverse_scale};
      const float own = measure.direction(scaled, {{parameter.x}, {moment1.x}, {moment2.x}}).value;
      const bool exists = first + i < range.size;
      rotate(direction, exists && cuda_scalar::is_finite(own) ? own : 0.0f);
      rotate(parameter, exists && cuda_scalar::is_finite(parameter.x) ? parameter.x : 0.0f);
      rotate(moment1, moment1.x);
      rotate(moment2, moment2.x);
    }
    shared_as<float4>(directions)[static_cast<int>(lane_index())] = direction;
    shared_as<float4>(parameters)[static_cast<int>(lane_index())] = parameter;
    __syncwarp();
    const SharedPointer<float> own = direction_half ? directions : parameters;
    const std::uint32_t left = range.size - chunk;
    const std::uint32_t rows = left < kChunkSize ? (left + 15) / 16 : kChunkSize / 16;
    for (std::uint32_t row = 0; row < rows; ++row) {
      const float value = own[static_cast<int>(16 * row + lane_index() % 16)];
      squared = squared + value * value;
    }
    __syncwarp();
  }
  const double folded = fold16(squared);
  Norms norms{0, trusted_squares(from_lane(folded, 0), range.size, direction_at)};
  if (Measure::kParameters) {
    norms.parameter_squared = trusted_squares(from_lane(folded, 16), range.size,
                                              [&](std::uint32_t i) { return arguments.parameters[range.begin + i]; });
  }
  if (lane_index() == 0) *record = norms;
}

/// What follows an item's blocks: the last warp of a layer makes of its norms what the step needs. A function of its
/// own: registers are for the blocks.
template <bool kTrust>
[[gnu::noinline]] __device__ void finish_measure(const StepArguments& arguments, std::uint32_t index, bool clip_layer) {
  const Item item = arguments.items[index];
  if (!finish_item(arguments, item, arguments.block_norms, arguments.piece_norms, arguments.layer_norms)) return;
  const std::uint32_t layer = arguments.pieces[item.piece].layer;
  const LayerEntry entry = arguments.layers[layer];
  const Norms total = arguments.layer_norms[layer];
  const double norm = std::sqrt(total.direction_squared);
  for (std::uint32_t i = lane_index(); i < entry.cohort_count; i += kWarpSize) {
    StepScalars& scalars = arguments.prepared[entry.first_cohort + i].scalars;
    if (kTrust) {
      const double* control = arguments.controls + layer * kControlCount;
      rules::apply_trust_ratio(arguments.algorithm, arguments.hyperparameters, control[kControlLearningRate],
                               weight_decay(arguments, entry.first_cohort + i, control),
                               std::sqrt(total.parameter_squared), norm, scalars);
    } else if (clip_layer) {
      scalars.clip = static_cast<float>(rules::clip_coefficient(norm, arguments.clip.layer));
    }
  }
}

/// @param clip_layer whether the coefficient of clipping by layer follows; else the norms are kept, or the trust ratio
/// is made of them
template <class Measure, bool kTrust>
__global__ void __launch_bounds__(kWarpsPerBlock* kWarpSize, 8)
    measure_kernel(const __grid_constant__ StepArguments arguments, bool clip_layer) {
  GANNO_SHARED(float, memory, kWarpsPerBlock* kMeasureStagingSize);
  const std::uint32_t warp = threadIdx.x / kWarpSize;
  const std::uint32_t index = blockIdx.x * kWarpsPerBlock + warp;
  if (index >= arguments.item_count) return;
  const std::uint32_t block_count = arguments.items[index].block_count;
  {
    const PieceEntry piece = arguments.pieces[arguments.items[index].piece];
    // All warps of the layer.
    if (arguments.prepared[piece.cohort].skipped != 0 || (kTrust && arguments.adapt[piece.layer] == 0)) return;
  }
  for (std::uint32_t i = 0; i < block_count; ++i) {
    // Looked up for every block: registers are for the elements.
    const Item item = arguments.items[launder(index)];
    const PieceEntry piece = arguments.pieces[item.piece];
    const StepScalars& scalars = arguments.prepared[piece.cohort].scalars;
    const std::uint32_t block = item.first_block + i;
    measure_block(arguments, Measure(scalars), scalars.inverse_scale, block_range(arguments.arrays[item.array], block),
                  memory + static_cast<int>(warp * kMeasureStagingSize),
                  arguments.block_norms + piece.first_record + (block - piece.first_block));
  }
  finish_measure<kTrust>(arguments, index, clip_layer);
}

/// One flag a layer, one for all: set by whoever finds a gradient that is not finite after scaling.
__global__ void __launch_bounds__(kWarpsPerBlock* kWarpSize) count_kernel(const StepArguments arguments) {
  const std::uint32_t index = blockIdx.x * kWarpsPerBlock + threadIdx.x / kWarpSize;
  if (index >= arguments.item_count) return;
  const Item item = arguments.items[index];
  const auto inverse_scale = static_cast<float>(arguments.controls[arguments.layer_count * kControlCount]);
  bool found = false;
  for (std::uint32_t i = 0; i < item.block_count; ++i) {
    const BlockRange range = block_range(arguments.arrays[item.array], item.first_block + i);
    for (std::uint32_t first = 4 * lane_index(); first < range.size; first += kChunkSize) {
      const float4 gradient4 = load4(arguments.gradients + range.begin + first);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const bool exists = first + static_cast<std::uint32_t>(j) < range.size;
        found = found || (exists && !cuda_scalar::is_finite(component(gradient4, j) * inverse_scale));
      }
    }
  }
  if (__any_sync(kAllLanes, found) && lane_index() == 0) {
    atomicOr(&arguments.non_finite[arguments.pieces[item.piece].layer], 1u);
    atomicOr(&arguments.non_finite[arguments.layer_count], 1u);
  }
}

/// One block, however many cohorts: their scalars are little work.
__global__ void __launch_bounds__(256) prepare_kernel(const StepArguments arguments) {
  const std::uint32_t layers = arguments.layer_count;
  const bool any = arguments.non_finite[layers] != 0;
  const auto inverse_scale = static_cast<float>(arguments.controls[layers * kControlCount]);
  for (std::uint32_t cohort = threadIdx.x; cohort < arguments.cohort_count; cohort += blockDim.x) {
    const CohortState& state = arguments.state[cohort];
    const bool skipped = (arguments.policy == NonFinitePolicy::kSkipLayer && arguments.non_finite[state.layer] != 0) ||
                         (arguments.policy == NonFinitePolicy::kSkipNetwork && any);
    const double* control = arguments.controls + state.layer * kControlCount;
    const double decay = weight_decay(arguments, cohort, control);  // read here, or registers spill
    // A skipped layer's moments are those of its last step.
    const BiasCorrections corrections =
        skipped ? rules::bias_corrections(arguments.hyperparameters, state.steps) : state.next;
    PreparedCohort& prepared = arguments.prepared[cohort];
    prepared.scalars =
        rules::step_scalars(arguments.algorithm, arguments.hyperparameters, corrections, control[kControlLearningRate],
                            decay, control[kControlMomentum], inverse_scale);
    prepared.scalars.store = arguments.store && !skipped;
    prepared.scalars.propagate = arguments.policy == NonFinitePolicy::kPropagate;
    prepared.skipped = skipped;
  }
  __syncthreads();  // everyone has read the flags
  for (std::uint32_t layer = threadIdx.x; layer <= layers; layer += blockDim.x) arguments.non_finite[layer] = 0;
}

/// clip_by_global_norm() of cpu/layerwise_step.cc: by layer first, where both are asked for, then by the norm of what
/// that leaves. One thread adds, in the order of layers.
__global__ void __launch_bounds__(kWarpSize) clip_globally_kernel(const StepArguments arguments) {
  const auto coefficient = [&](std::uint32_t layer) {
    const double norm = std::sqrt(arguments.layer_norms[layer].direction_squared);
    return arguments.clip.layer > 0 ? rules::clip_coefficient(norm, arguments.clip.layer) : 1.0;
  };
  double squared = 0;
  for (std::uint32_t layer = 0; layer < arguments.layer_count; ++layer) {
    if (arguments.prepared[arguments.layers[layer].first_cohort].skipped != 0) continue;
    const double norm = std::sqrt(arguments.layer_norms[layer].direction_squared) * coefficient(layer);
    squared += norm * norm;
  }
  const double global = rules::clip_coefficient(std::sqrt(squared), arguments.clip.global);
  for (std::uint32_t layer = lane_index(); layer < arguments.layer_count; layer += kWarpSize) {
    const LayerEntry entry = arguments.layers[layer];
    const double own = arguments.prepared[entry.first_cohort].skipped != 0 ? 1.0 : coefficient(layer);
    for (std::uint32_t i = 0; i < entry.cohort_count; ++i) {
      arguments.prepared[entry.first_cohort + i].scalars.clip = static_cast<float>(own * global);
    }
  }
}

}  // namespace
}  // namespace ganno::cuda

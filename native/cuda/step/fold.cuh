#pragma once
// Folding sums from left to right, as the CPU does, by one warp: 32 parts are read at once, one a lane, and added in
// order. What of the merge does not depend on the running mean (counts, and the division by them) is done by the lanes
// side by side beforehand.
#include <cstddef>

#include "core/statistics_formulas.h"
#include "core/step_scalars.h"
#include "cuda/step/warp.cuh"

namespace ganno::cuda {
namespace {

// A LayerSums as a row of float64 values.
enum SumsField : int {
  kGradientCount,
  kGradientMean,
  kGradientSquares,
  kParameterCount,
  kParameterMean,
  kParameterSquares,
  kFirstProduct,  // moment_squared, update_squared, gradient_moment, gradient_parameter, gradient_update
  kSumsFieldCount = kFirstProduct + 5,
};
static_assert(offsetof(LayerSums, parameter) == kParameterCount * sizeof(double));
static_assert(offsetof(LayerSums, moment_squared) == kFirstProduct * sizeof(double));
static_assert(offsetof(LayerSums, gradient_max_abs) == kSumsFieldCount * sizeof(double));

/// Folds `count` sums that follow one another in memory into `out`. Lane 0 carries the gradient's moments, lane 1 the
/// parameter's, lanes 2 to 6 a plain sum each. What merge() of core/block_sums.h multiplies by is made beforehand, of
/// 16 parts at once, the gradient's in lanes 0-15 and the parameter's in lanes 16-31: what a part's count is of the
/// total up to and with it, and that times the count before. Counts are integers, so their sums are exact in any order.
__device__ inline void fold_in_order(const LayerSums* sums, std::uint32_t count, LayerSums* out) {
  const unsigned lane = lane_index();
  const bool gradient_half = lane < kHalfWarp;
  const unsigned half = lane == 1 ? kHalfWarp : 0;  // that lanes 0 and 1 fold
  const int value_field = lane == 0   ? kGradientMean
                          : lane == 1 ? kParameterMean
                                      : static_cast<int>(kFirstProduct + lane - 2);
  const bool moments = lane < 2;
  const bool works = lane < 7;
  double counted = 0;  // of the half, so far
  double value = 0, squares = 0;
  bool started = false;
  unsigned long long non_finite = 0;
  float largest = 0;
#pragma unroll 1
  for (std::uint32_t first = 0; first < count; first += kHalfWarp) {
    const unsigned parts = count - first < kHalfWarp ? count - first : kHalfWarp;
    double own = 0;
    if (lane % kHalfWarp < parts) {
      const LayerSums& part = sums[first + lane % kHalfWarp];
      own = gradient_half ? part.gradient.count : part.parameter.count;
      if (gradient_half) {
        non_finite += part.non_finite;
        largest = fold::larger(largest, part.gradient_max_abs);
      }
    }
    double through = own;
    for (unsigned distance = 1; distance < kHalfWarp; distance *= 2) {
      const double other = __shfl_up_sync(kAllLanes, through, distance, static_cast<int>(kHalfWarp));
      if (lane % kHalfWarp >= distance) through += other;
    }
    through += counted;
    counted = __shfl_sync(kAllLanes, through, static_cast<int>(kHalfWarp) - 1, static_cast<int>(kHalfWarp));
    const double own_share = own == 0 ? 0.0 : __ddiv_rn(own, through);
    const double own_weight = (through - own) * own_share;
#pragma unroll 1
    for (unsigned part = 0; part < parts; ++part) {
      const double share = from_lane(own_share, half + part);
      const double weight = from_lane(own_weight, half + part);
      if (!works) continue;
      const auto* fields = reinterpret_cast<const double*>(sums + first + part) + value_field;
      const double next = fields[0];
      if (!moments) {
        value += next;
      } else if (share != 0) {  // else nothing was counted
        const double next_squares = fields[1];
        if (started) {
          const double difference = next - value;
          value += difference * share;
          squares += next_squares + difference * difference * weight;
        } else {
          value = next;
          squares = next_squares;
          started = true;
        }
      }
    }
  }
  for (int distance = 16; distance > 0; distance /= 2) {
    largest = fold::larger(largest, __shfl_xor_sync(kAllLanes, largest, distance));
    non_finite += __shfl_xor_sync(kAllLanes, non_finite, distance);
  }
  counted = from_lane(counted, half);
  auto* fields = reinterpret_cast<double*>(out) + value_field;
  if (works) fields[0] = value;
  if (moments) {
    fields[1] = squares;
    fields[-1] = counted;
  }
  if (lane == 7) {
    out->gradient_max_abs = largest;
    out->non_finite = non_finite;
  }
  __syncwarp();
}

__device__ inline void fold_in_order(const Norms* norms, std::uint32_t count, Norms* out) {
  Norms total{0, 0};
#pragma unroll 1
  for (std::uint32_t first = 0; first < count; first += kWarpSize) {
    const unsigned parts = count - first < kWarpSize ? count - first : kWarpSize;
    Norms own{0, 0};
    if (lane_index() < parts) own = norms[first + lane_index()];
#pragma unroll 1
    for (unsigned part = 0; part < parts; ++part) {
      total.parameter_squared += from_lane(own.parameter_squared, part);
      total.direction_squared += from_lane(own.direction_squared, part);
    }
  }
  if (lane_index() == 0) *out = total;
  __syncwarp();
}

/// The weight decay of a cohort's arrays.
__device__ __forceinline__ double weight_decay(const StepArguments& arguments, std::uint32_t cohort,
                                               const double* control /* of its layer */) {
  return arguments.state[cohort].decays != 0 ? control[kControlWeightDecay] : 0;
}

/// What the first moments of a cohort are multiplied by in the statistics.
__device__ inline double moment_correction(const StepArguments& arguments, std::uint32_t cohort) {
  if (arguments.prepared != nullptr) return arguments.prepared[cohort].scalars.moment_correction;
  return rule_traits(arguments.algorithm).corrects_bias ? arguments.state[cohort].next.inverse_correction1 : 1.0;
}

/// Of a piece whose layer has cohorts of other ages.
__device__ inline void correct_piece(const StepArguments& arguments, std::uint32_t cohort, LayerSums* sums) {
  if (lane_index() == 0) fold::correct_moments(*sums, moment_correction(arguments, cohort));
  __syncwarp();
}
__device__ inline void correct_piece(const StepArguments&, std::uint32_t, Norms*) {}

/// After the blocks of an item are in `blocks`: the last warp of a piece folds the piece, and the last of a layer the
/// layer. @returns whether this was the last of its layer, whose sums are then in `layers`
template <class Sums>
__device__ inline bool finish_item(const StepArguments& arguments, const Item& item, const Sums* blocks, Sums* pieces,
                                   Sums* layers) {
  const PieceEntry piece = arguments.pieces[item.piece];
  if (!last_to_finish(&arguments.piece_tickets[item.piece], arguments.piece_items[item.piece])) return false;
  const LayerEntry layer = arguments.layers[piece.layer];
  const Sums* parts = blocks + piece.first_record;
  std::uint32_t count = piece.block_count;
  for (bool one_piece = true;; one_piece = false) {
    const bool whole_layer = !one_piece || layer.piece_count == 1;
    Sums* out = whole_layer ? layers + piece.layer : pieces + item.piece;
    fold_in_order(parts, count, out);
    if (one_piece && layer.one_age == 0) correct_piece(arguments, piece.cohort, out);
    if (whole_layer) return true;
    if (!last_to_finish(&arguments.layer_tickets[piece.layer], layer.piece_count)) return false;
    parts = pieces + layer.first_piece;
    count = layer.piece_count;
  }
}

}  // namespace
}  // namespace ganno::cuda

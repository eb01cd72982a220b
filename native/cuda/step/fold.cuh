#pragma once
// Folding sums from left to right, as the CPU does, by one warp: 32 parts are read at once, one a lane, and added in
// order. What of the merge does not depend on the running mean (counts, and the division by them) is done by the lanes
// side by side beforehand.
#include <cstddef>

#include "core/statistics_fold.h"
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

/// What a part's count is of the total up to and with it, and that times the count before: what merge() of
/// core/block_sums.h multiplies by. Counts are integers, so their sums are exact in any order.
struct Share {
  double share;
  double weight;
  double through;

  __device__ __forceinline__ Share(double count, double before_all) : through(count) {
    for (unsigned distance = 1; distance < kWarpSize; distance *= 2) {
      const double other = __shfl_up_sync(kAllLanes, through, distance);
      if (lane_index() >= distance) through += other;
    }
    through += before_all;
    share = count == 0 ? 0.0 : __ddiv_rn(count, through);
    weight = (through - count) * share;
  }
};

/// Folds `count` sums that follow one another in memory into `out`. Lane 0 carries the gradient's moments, lane 1 the
/// parameter's, lanes 2 to 6 a plain sum each.
__device__ inline void fold_in_order(const LayerSums* sums, std::uint32_t count, LayerSums* out) {
  const unsigned lane = lane_index();
  const int squares_field = lane == 0 ? kGradientSquares : kParameterSquares;
  const int value_field = lane < 2 ? squares_field - 1 : static_cast<int>(kFirstProduct + lane - 2);
  const bool moments = lane < 2;
  const bool works = lane < 7;
  double gradient_count = 0, parameter_count = 0;
  double value = 0, squares = 0;
  bool started = false;
  unsigned long long non_finite = 0;
  float largest = 0;
#pragma unroll 1
  for (std::uint32_t first = 0; first < count; first += kWarpSize) {
    const unsigned parts = count - first < kWarpSize ? count - first : kWarpSize;
    double own_gradients = 0, own_parameters = 0;
    if (lane < parts) {
      const LayerSums& own = sums[first + lane];
      own_gradients = own.gradient.count;
      own_parameters = own.parameter.count;
      non_finite += own.non_finite;
      largest = fold::larger(largest, own.gradient_max_abs);
    }
    const Share gradient(own_gradients, gradient_count);
    const Share parameter(own_parameters, parameter_count);
    gradient_count = from_lane(gradient.through, kWarpSize - 1);
    parameter_count = from_lane(parameter.through, kWarpSize - 1);
#pragma unroll 1
    for (unsigned part = 0; part < parts; ++part) {
      const double gradient_share = from_lane(gradient.share, part);
      const double gradient_weight = from_lane(gradient.weight, part);
      const double parameter_share = from_lane(parameter.share, part);
      const double parameter_weight = from_lane(parameter.weight, part);
      if (!works) continue;
      const auto* fields = reinterpret_cast<const double*>(sums + first + part);
      const double next = fields[value_field];
      if (!moments) {
        value += next;
        continue;
      }
      const double share = lane == 0 ? gradient_share : parameter_share;
      const double weight = lane == 0 ? gradient_weight : parameter_weight;
      const double next_squares = fields[squares_field];
      if (share == 0) continue;  // nothing counted
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
  for (int distance = 16; distance > 0; distance /= 2) {
    largest = fold::larger(largest, __shfl_xor_sync(kAllLanes, largest, distance));
    non_finite += __shfl_xor_sync(kAllLanes, non_finite, distance);
  }
  auto* fields = reinterpret_cast<double*>(out);
  if (works) fields[value_field] = value;
  if (moments) {
    fields[squares_field] = squares;
    fields[value_field - 1] = lane == 0 ? gradient_count : parameter_count;
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
  for (bool whole_layer = layer.piece_count == 1;; whole_layer = true) {
    fold_in_order(parts, count, whole_layer ? layers + piece.layer : pieces + item.piece);
    if (whole_layer) return true;
    if (!last_to_finish(&arguments.layer_tickets[piece.layer], layer.piece_count)) return false;
    parts = pieces + layer.first_piece;
    count = layer.piece_count;
  }
}

}  // namespace
}  // namespace ganno::cuda

#pragma once
// A block's sums: what the lanes of a warp add up, how that is folded, and the record that is left of it.
#include "core/block_sums.h"
#include "cuda/step/element.cuh"
#include "cuda/step/fold.cuh"

namespace ganno::cuda {
namespace {

/// Where a warp's blocks lie.
struct Work {
  std::uint64_t offset;  // of the array
  std::uint64_t size;
  std::uint32_t first_block;  // in the array
  std::uint32_t block_count;
  std::uint32_t first_record;  // of the array's block 0, modulo 2^32
  std::uint32_t padding;

  __device__ __forceinline__ BlockRange range(std::uint32_t index) const {
    return block_range({offset, size}, first_block + index);
  }
  __device__ __forceinline__ std::uint32_t record(std::uint32_t index) const {
    return first_record + first_block + index;
  }
};

/// The shared memory of a warp.
struct Staging {
  SharedPointer<std::uint32_t> work;      // a Work
  SharedPointer<std::uint32_t> stepping;  // a Stepping
  // With statistics only:
  SharedPointer<float> old_parameters;  // of the block
  SharedPointer<float> gradients;       // of the chunk, as the others
  SharedPointer<float> moments;
  SharedPointer<float> new_parameters;

  static constexpr int kWorkSize = sizeof(Work) / 4;
  static constexpr int kSteppingSize = 12;
  static constexpr int kHeaderSize = kWorkSize + kSteppingSize;
  // One row of padding: the halves of a warp read gradients and parameters at the same time, from other banks.
  static constexpr int kOldParametersSize = static_cast<int>(kBlockSize + kHalfWarp);
  static constexpr int kChunk = static_cast<int>(kChunkSize);

  /// Words of a warp.
  template <bool kStatistics>
  static constexpr int size() {
    return kHeaderSize + (kStatistics ? kOldParametersSize + 3 * kChunk : 0);
  }

  __device__ __forceinline__ explicit Staging(SharedPointer<float> memory)
      : work(shared_as<std::uint32_t>(memory)),
        stepping(work + kWorkSize),
        old_parameters(memory + kHeaderSize),
        gradients(old_parameters + kOldParametersSize),
        moments(gradients + kChunk),
        new_parameters(moments + kChunk) {}
};
static_assert(Staging::kHeaderSize % 4 == 0, "what follows is accessed in 128 bits");

/// A block's sums (BlockSums) in shared memory: registers are for the elements. The gradient's and the parameter's lie
/// in pairs.
enum BlockField : int {
  kBlockGradientCount,
  kBlockParameterCount,
  kBlockGradientShift,
  kBlockParameterShift,
  kBlockGradientDeviation,
  kBlockParameterDeviation,
  kBlockGradientDeviationSquared,
  kBlockParameterDeviationSquared,
  kBlockMomentSquared,
  kBlockUpdateSquared,
  kBlockGradientMoment,
  kBlockGradientParameter,
  kBlockGradientUpdate,
};

__device__ __forceinline__ double squares(SharedPointer<double> block, int count) {
  return sum_of_squares(block[count], block[count + 2], block[count + 4], block[count + 6]);
}

__device__ __forceinline__ bool keeps_digits(SharedPointer<double> block, int count) {
  return ganno::keeps_digits(block[count], block[count + 4], block[count + 6], squares(block, count));
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

/// Adds the first `size` elements of a chunk to the lanes. `plain`: all of it is finite.
__device__ __forceinline__ void add_chunk(const Staging& staging, std::uint32_t chunk, std::uint32_t size, bool plain,
                                          float shift, LaneSums& sums) {
  const bool gradient_half = lane_index() < kHalfWarp;
  const SharedPointer<float> own = gradient_half ? staging.gradients : staging.old_parameters + static_cast<int>(chunk);
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

// Lane sums on their way into a block's: a row of 16 for each field from kBlockGradientDeviation on. With a float of
// padding, the lanes that fold a row each read from banks of their own.
inline constexpr int kFoldedRow = static_cast<int>(kHalfWarp) + 1;

/// Sum of a row in the order of the CPU's fold16: i + 8, then + 4, + 2, + 1.
template <int kDistance = 1>
__device__ __forceinline__ double fold_row(SharedPointer<float> row, int first = 0) {
  if constexpr (kDistance == static_cast<int>(kHalfWarp)) {
    return static_cast<double>(row[first]);
  } else {
    return fold_row<2 * kDistance>(row, first) + fold_row<2 * kDistance>(row, first + kDistance);
  }
}

/// Writes what a lane summed to its place in the rows, and what is of the block alone to `block`.
template <bool kHasMoment>
__device__ __forceinline__ void put_lanes(const LaneSums& sums, float shift, std::uint32_t size,
                                          const Exceptions& exceptions, SharedPointer<float> rows,
                                          SharedPointer<double> block) {
  const bool gradient_half = lane_index() < kHalfWarp;
  const int half = gradient_half ? 0 : 1;
  const int column = static_cast<int>(lane_index() % kHalfWarp);
  const auto put_sum = [&](int field, float sum) {
    rows[(field - kBlockGradientDeviation) * kFoldedRow + column] = sum;
  };
  put_sum(kBlockGradientDeviation + half, sums.deviation);
  put_sum(kBlockGradientDeviationSquared + half, sums.deviation_squared);
  put_sum(kBlockMomentSquared + half, kHasMoment || !gradient_half ? sums.other_squared : 0.0f);
  put_sum(gradient_half ? kBlockGradientMoment : kBlockGradientUpdate,
          kHasMoment || !gradient_half ? sums.gradient_product : 0.0f);
  if (!gradient_half) put_sum(kBlockGradientParameter, sums.gradient_parameter);
  const unsigned gradients = exceptions.of_warp(1), parameters = exceptions.of_warp(2);
  if (column == 0) {
    block[kBlockGradientCount + half] = static_cast<double>(size - (gradient_half ? gradients : parameters));
    block[kBlockGradientShift + half] = static_cast<double>(shift);
  }
}

/// Folds the rows, one in each of nine lanes.
__device__ __forceinline__ void fold_rows(SharedPointer<float> rows, SharedPointer<double> block) {
  const int row = static_cast<int>(lane_index());
  if (row <= kBlockGradientUpdate - kBlockGradientDeviation) {
    block[kBlockGradientDeviation + row] = fold_row(rows + row * kFoldedRow);
  }
  __syncwarp();
}

/// all_in_range() of core/block_sums.h: lane 0 looks at the gradient, lane 1 at the parameter, two at the rest.
template <bool kHasMoment>
__device__ __forceinline__ bool all_in_range(SharedPointer<double> block) {
  const int lane = static_cast<int>(lane_index());
  bool good = true;
  if (lane < 2) {
    good = in_range(block[kBlockGradientDeviationSquared + lane]) && in_range(squares(block, lane)) &&
           keeps_digits(block, lane);
  } else if (lane == 2 || (kHasMoment && lane == 3)) {
    good = in_range(block[lane == 2 ? kBlockUpdateSquared : kBlockMomentSquared]);
  }
  return __all_sync(kAllLanes, good) != 0;
}

/// What of a block's record is not in its BlockSums.
__device__ __forceinline__ void write_extremes(const LaneSums& sums, const Exceptions& exceptions, LayerSums* record) {
  float largest = sums.max_abs;
  for (int distance = 8; distance > 0; distance /= 2) {
    largest = fold::larger(largest, __shfl_xor_sync(kAllLanes, largest, distance));
  }
  const unsigned non_finite = exceptions.of_warp(0);
  if (lane_index() != 0) return;
  record->gradient_max_abs = largest;
  record->non_finite = non_finite;
}

/// The rest, add_trusted_block() of core/block_sums.h to nothing: lanes 0 and 1 make the moments, the others copy.
__device__ __forceinline__ void write_moments(SharedPointer<double> block, LayerSums* record) {
  const int lane = static_cast<int>(lane_index());
  auto* fields = reinterpret_cast<double*>(record);
  if (lane < 2) {
    const Moments moments = block_moments(block[lane], block[lane + 2], block[lane + 4], block[lane + 6]);
    const int to = lane == 0 ? kGradientCount : kParameterCount;
    fields[to] = moments.count;
    fields[to + 1] = moments.mean;
    fields[to + 2] = moments.squared_deviations;
  } else if (lane < 7) {
    fields[kFirstProduct + lane - 2] = block[kBlockMomentSquared + lane - 2];
  }
}

}  // namespace
}  // namespace ganno::cuda

#pragma once
// What the warps of the step's kernels have in common: which item is theirs, and how parts are put together in order.
#include "cuda/step/scalar.h"
#include "cuda/step/step_kernels.h"
#include "cuda/step/tables.h"

namespace ganno::cuda {
namespace {

inline constexpr unsigned kAllLanes = 0xffffffffu;
inline constexpr unsigned kWarpSize = 32;
/// A warp reads four elements a lane at a time.
inline constexpr std::uint32_t kSlabSize = 4 * kWarpSize;

/// A block of 1,024 elements, or what is left of its array.
struct BlockRange {
  std::uint64_t begin;  // in the arenas
  std::uint32_t size;
};

__device__ __forceinline__ unsigned lane_index() {
  return threadIdx.x % kWarpSize;
}

__device__ __forceinline__ BlockRange block_range(const ArrayEntry& array, std::uint32_t block) {
  const std::uint64_t begin = static_cast<std::uint64_t>(block) * kBlockSize;
  const std::uint64_t left = array.size - begin;
  return {array.offset + begin,
          left < kBlockSize ? static_cast<std::uint32_t>(left) : static_cast<std::uint32_t>(kBlockSize)};
}

__device__ __forceinline__ float component(const float4& four, int index) {
  return index == 0 ? four.x : index == 1 ? four.y : index == 2 ? four.z : four.w;
}

__device__ __forceinline__ void set_component(float4& four, int index, float value) {
  (index == 0 ? four.x : index == 1 ? four.y : index == 2 ? four.z : four.w) = value;
}

/// Tells everyone that this warp's part of something is done. @returns whether it was the last of `parts`; then
/// everything the others wrote before can be read, and the ticket is back at 0
__device__ __forceinline__ bool last_to_finish(Ticket* ticket, std::uint32_t parts) {
  __syncwarp();
  unsigned done = 0;
  if (lane_index() == 0) {
    __threadfence();
    done = parts == 1 ? 0 : atomicAdd(ticket, 1u);
    if (done == parts - 1 && parts != 1) *ticket = 0;
    __threadfence();
  }
  return __shfl_sync(kAllLanes, done, 0) == parts - 1;
}

/// A double of the lane that differs in the bits of `lanes`.
__device__ __forceinline__ double from_lane(double value, unsigned lane) {
  return __shfl_sync(kAllLanes, value, static_cast<int>(lane));
}

/// Sum over the 16 lanes of a half-warp, in both, in the order of the CPU's fold16: i + 8, then + 4, + 2, + 1.
__device__ __forceinline__ double fold16(float lane) {
  double sum = static_cast<double>(lane);
  for (int distance = 8; distance > 0; distance /= 2) sum += __shfl_xor_sync(kAllLanes, sum, distance);
  return sum;
}

}  // namespace
}  // namespace ganno::cuda

#pragma once
// What the warps of the step's kernels have in common: which item is theirs, and how parts are put together in order.
#include <cstring>

#include "cuda/step/scalar.h"
#include "cuda/step/step_kernels.h"
#include "cuda/step/tables.h"

namespace ganno::cuda {
namespace {

inline constexpr unsigned kAllLanes = 0xffffffffu;
inline constexpr unsigned kWarpSize = 32;
inline constexpr unsigned kHalfWarp = kWarpSize / 2;
/// A warp reads four elements a lane at a time.
inline constexpr std::uint32_t kChunkSize = 4 * kWarpSize;

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

/// Replaces the first of four by `last` and makes the second the first: after four times all are in their places again.
__device__ __forceinline__ void rotate(float4& four, float last) {
  four = make_float4(four.y, four.z, four.w, last);
}

/// Values in shared memory, word by word.
template <class Value>
__device__ __forceinline__ void put(SharedPointer<std::uint32_t> memory, const Value& value) {
  constexpr int kWords = sizeof(Value) / 4;
  std::uint32_t words[kWords];
  std::memcpy(words, &value, sizeof words);
#pragma unroll
  for (int i = 0; i < kWords; ++i) memory[i] = words[i];
}

template <class Value>
__device__ __forceinline__ Value get(SharedPointer<std::uint32_t> memory) {
  constexpr int kWords = sizeof(Value) / 4;
  struct {
    std::uint32_t words[kWords];
  } raw;
#pragma unroll
  for (int i = 0; i < kWords; ++i) raw.words[i] = memory[i];
  return __builtin_bit_cast(Value, raw);
}

/// The same value, of which the compiler knows nothing any more: what is computed from it inside a loop is not carried
/// through the loop in registers.
__device__ __forceinline__ std::uint32_t launder(std::uint32_t value) {
#if !defined(GANNO_CUDA_EMULATED)
  asm volatile("" : "+r"(value));
#endif
  return value;
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

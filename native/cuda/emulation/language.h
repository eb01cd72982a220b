#pragma once
// What nvcc adds to C++, for g++: kernels compile unchanged and run on fibers. Everything that CUDA leaves undefined
// and that can be noticed is noticed (Block::fail).
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <source_location>
#include <type_traits>

#include "cuda/emulation/block.h"
#include "cuda/emulation/shared_pointer.h"
#include "cuda/emulation/tensor_core.h"
#include "cuda/emulation/vector_types.h"

#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define threadIdx (::ganno::cuda::emulation::running_block->thread_index())
#define blockIdx (::ganno::cuda::emulation::running_block->block_index())
#define blockDim (::ganno::cuda::emulation::running_block->block_dimensions())
#define gridDim (::ganno::cuda::emulation::running_block->grid_dimensions())
inline constexpr int warpSize = 32;

// --- barriers ---
inline void __syncthreads(std::source_location site = std::source_location::current()) {
  ganno::cuda::emulation::running_block->barrier(ganno::cuda::emulation::BarrierOperation::kSync, 0, site);
}
inline int __syncthreads_count(int predicate, std::source_location site = std::source_location::current()) {
  return ganno::cuda::emulation::running_block->barrier(ganno::cuda::emulation::BarrierOperation::kCount, predicate,
                                                        site);
}
inline int __syncthreads_and(int predicate, std::source_location site = std::source_location::current()) {
  return ganno::cuda::emulation::running_block->barrier(ganno::cuda::emulation::BarrierOperation::kAnd, predicate,
                                                        site);
}
inline int __syncthreads_or(int predicate, std::source_location site = std::source_location::current()) {
  return ganno::cuda::emulation::running_block->barrier(ganno::cuda::emulation::BarrierOperation::kOr, predicate, site);
}
inline void __threadfence() {}
inline void __threadfence_block() {}

// --- warps ---
namespace ganno::cuda::emulation {

template <class Value>
Value shuffle(WarpOperation operation, unsigned mask, Value value, int argument, int width,
              const std::source_location& site) {
  static_assert(std::is_arithmetic_v<Value> && sizeof(Value) <= 8);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = running_block->warp(operation, mask, bits, argument, width, site);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace ganno::cuda::emulation

inline void __syncwarp(unsigned mask = 0xffffffffu, std::source_location site = std::source_location::current()) {
  ganno::cuda::emulation::running_block->warp(ganno::cuda::emulation::WarpOperation::kSync, mask, 0, 0, 32, site);
}
inline unsigned __ballot_sync(unsigned mask, int predicate,
                              std::source_location site = std::source_location::current()) {
  return static_cast<unsigned>(ganno::cuda::emulation::running_block->warp(
      ganno::cuda::emulation::WarpOperation::kBallot, mask, predicate != 0, 0, 32, site));
}
inline int __any_sync(unsigned mask, int predicate, std::source_location site = std::source_location::current()) {
  return __ballot_sync(mask, predicate, site) != 0;
}
inline int __all_sync(unsigned mask, int predicate, std::source_location site = std::source_location::current()) {
  return __ballot_sync(mask, predicate, site) == mask;
}
inline unsigned __reduce_add_sync(unsigned mask, unsigned value,
                                  std::source_location site = std::source_location::current()) {
  return static_cast<unsigned>(ganno::cuda::emulation::running_block->warp(
      ganno::cuda::emulation::WarpOperation::kReduceAdd, mask, value, 0, 32, site));
}
template <class Value>
Value __shfl_sync(unsigned mask, Value value, int lane, int width = 32,
                  std::source_location site = std::source_location::current()) {
  return ganno::cuda::emulation::shuffle(ganno::cuda::emulation::WarpOperation::kShuffle, mask, value, lane, width,
                                         site);
}
template <class Value>
Value __shfl_up_sync(unsigned mask, Value value, unsigned distance, int width = 32,
                     std::source_location site = std::source_location::current()) {
  return ganno::cuda::emulation::shuffle(ganno::cuda::emulation::WarpOperation::kShuffleUp, mask, value,
                                         static_cast<int>(distance), width, site);
}
template <class Value>
Value __shfl_down_sync(unsigned mask, Value value, unsigned distance, int width = 32,
                       std::source_location site = std::source_location::current()) {
  return ganno::cuda::emulation::shuffle(ganno::cuda::emulation::WarpOperation::kShuffleDown, mask, value,
                                         static_cast<int>(distance), width, site);
}
template <class Value>
Value __shfl_xor_sync(unsigned mask, Value value, int lanes, int width = 32,
                      std::source_location site = std::source_location::current()) {
  return ganno::cuda::emulation::shuffle(ganno::cuda::emulation::WarpOperation::kShuffleXor, mask, value, lanes, width,
                                         site);
}

// --- atomics: fibers of one thread, and one kernel at a time ---
namespace ganno::cuda::emulation {

template <class Value, class Change>
Value exchange(Value* address, Change change) {
  const Value before = *address;
  *address = change(before);
  return before;
}
template <class Value, class Change>
Value exchange(SharedPointer<Value> address, Change change) {
  return address.atomic(change);
}

}  // namespace ganno::cuda::emulation

#define GANNO_ATOMIC(name, expression)                                                                             \
  template <class Pointer, class Operand>                                                                          \
  auto name(Pointer address, Operand operand) {                                                                    \
    return ganno::cuda::emulation::exchange(address, [operand](auto old) -> decltype(old) { return expression; }); \
  }
GANNO_ATOMIC(atomicAdd, old + operand)
GANNO_ATOMIC(atomicMax, old > operand ? old : operand)
GANNO_ATOMIC(atomicMin, old < operand ? old : operand)
GANNO_ATOMIC(atomicOr, old | operand)
GANNO_ATOMIC(atomicAnd, old& operand)
GANNO_ATOMIC(atomicExch, operand)
GANNO_ATOMIC(atomicInc, old >= operand ? 0 : old + 1)
#undef GANNO_ATOMIC
template <class Pointer, class Operand>
auto atomicCAS(Pointer address, Operand expected, Operand operand) {
  return ganno::cuda::emulation::exchange(address,
                                          [=](auto old) -> decltype(old) { return old == expected ? operand : old; });
}

// --- arithmetic that names its rounding, and bit casts. Approximations (__expf, rsqrtf, ...) are left out on purpose:
// no two machines agree on them ---
inline float __fadd_rn(float a, float b) {
  return a + b;
}
inline float __fsub_rn(float a, float b) {
  return a - b;
}
inline float __fmul_rn(float a, float b) {
  return a * b;
}
inline float __fdiv_rn(float a, float b) {
  return a / b;
}
inline float __fsqrt_rn(float x) {
  return std::sqrt(x);
}
inline float __fmaf_rn(float a, float b, float c) {
  return std::fma(a, b, c);
}
inline double __dadd_rn(double a, double b) {
  return a + b;
}
inline double __dmul_rn(double a, double b) {
  return a * b;
}
inline double __ddiv_rn(double a, double b) {
  return a / b;
}
inline double __dsqrt_rn(double x) {
  return std::sqrt(x);
}
inline float __double2float_rn(double x) {
  return static_cast<float>(x);
}
inline int __float2int_rn(float x) {
  return static_cast<int>(std::nearbyint(x));
}
inline unsigned __float_as_uint(float x) {
  return std::bit_cast<unsigned>(x);
}
inline int __float_as_int(float x) {
  return std::bit_cast<int>(x);
}
inline float __uint_as_float(unsigned x) {
  return std::bit_cast<float>(x);
}
inline float __int_as_float(int x) {
  return std::bit_cast<float>(x);
}
inline int __popc(unsigned x) {
  return std::popcount(x);
}
inline int __clz(int x) {
  return std::countl_zero(static_cast<unsigned>(x));
}
inline int __ffs(int x) {
  return x == 0 ? 0 : std::countr_zero(static_cast<unsigned>(x)) + 1;
}
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(static_cast<std::uint64_t>(a) * b >> 32);
}
template <class Value>
Value __ldg(const Value* address) {
  return *address;
}

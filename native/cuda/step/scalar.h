#pragma once
// The vector that core/step_rules.h is written in, one lane wide: what cpu/simd.h is for a CPU's tiers. Division and
// square root are correctly rounded and nothing is contracted (see the flags in CMakeLists.txt), so the rules give the
// CPU's bits.
#include <cstdint>

#include "cuda/runtime.h"

#define GANNO_TIER cuda_scalar
#define GANNO_INLINE __device__ __forceinline__

namespace ganno::cuda_scalar {

struct Vector {
  float value;
};
struct Mask {
  bool value;
};

GANNO_INLINE Vector zero() {
  return {0.0f};
}
GANNO_INLINE Vector set1(float x) {
  return {x};
}
GANNO_INLINE Vector operator+(Vector a, Vector b) {
  return {a.value + b.value};
}
GANNO_INLINE Vector operator-(Vector a, Vector b) {
  return {a.value - b.value};
}
GANNO_INLINE Vector operator*(Vector a, Vector b) {
  return {a.value * b.value};
}
GANNO_INLINE Vector operator/(Vector a, Vector b) {
  return {__fdiv_rn(a.value, b.value)};
}
GANNO_INLINE Vector sqrt(Vector v) {
  return {__fsqrt_rn(v.value)};
}
GANNO_INLINE Vector sign_of(Vector v) {
  return {__uint_as_float((__float_as_uint(v.value) & 0x80000000u) | 0x3f800000u)};
}
GANNO_INLINE Mask equal(Vector a, Vector b) {
  return {a.value == b.value};
}
GANNO_INLINE Mask operator!(Mask a) {
  return {!a.value};
}
GANNO_INLINE Vector select(Mask mask, Vector a, Vector b) {
  return mask.value ? a : b;
}
GANNO_INLINE Vector zero_unless(Mask mask, Vector v) {
  return mask.value ? v : zero();
}
GANNO_INLINE bool is_finite(float x) {
  return (__float_as_uint(x) & 0x7f800000u) != 0x7f800000u;
}
GANNO_INLINE bool is_finite(Vector v) {
  return is_finite(v.value);
}

}  // namespace ganno::cuda_scalar

#include "core/step_rules.h"

#pragma once
// exp, log, tanh and what uses them, one value at a time: the polynomials of cpu/kernels/transcendental.h, operation
// for operation, so that the bits are those of the CPU's tiers with fused multiply-add. Coefficients: Cephes (S.
// Moshier, single precision); relative error about 1e-7.
#include "core/network_spec.h"
#include "cuda/runtime.h"

namespace ganno::cuda {

/// max(0, x), and x where it is NaN: a diverging network must show.
__device__ __forceinline__ float relu_of(float x) {
  return 0.0f > x ? 0.0f : x;
}

/// exp(x); 0 below -87, and never above exp(88). NaN stays NaN.
__device__ __forceinline__ float exponential(float x) {
  const float below = 88.0f < x ? 88.0f : x;
  const float clamped = -87.0f > below ? -87.0f : below;
  const int n = __float2int_rn(clamped * 1.44269504088896341f);
  const float whole = static_cast<float>(n);
  float r = __fmaf_rn(-whole, 0.693359375f, clamped);
  r = __fmaf_rn(-whole, -2.12194440e-4f, r);
  float y = 1.9875691500e-4f;
  y = __fmaf_rn(y, r, 1.3981999507e-3f);
  y = __fmaf_rn(y, r, 8.3334519073e-3f);
  y = __fmaf_rn(y, r, 4.1665795894e-2f);
  y = __fmaf_rn(y, r, 1.6666665459e-1f);
  y = __fmaf_rn(y, r, 5.0000001201e-1f);
  y = __fmaf_rn(y, r * r, r) + 1.0f;
  const float result = x < -87.0f ? 0.0f : y * __int_as_float((n + 127) << 23);
  return x == x ? result : x;
}

/// Natural logarithm of a positive, normal x. NaN stays NaN.
__device__ __forceinline__ float logarithm(float x) {
  const int pattern = __float_as_int(x);
  float exponent = static_cast<float>((pattern >> 23) - 126);
  float m = __int_as_float((pattern & 0x007fffff) | 0x3f000000);  // [0.5, 1)
  const bool low = m < 0.707106781186547524f;
  exponent = exponent - (low ? 1.0f : 0.0f);
  m = m + (low ? m : 0.0f) - 1.0f;
  const float z = m * m;
  float y = 7.0376836292e-2f;
  y = __fmaf_rn(y, m, -1.1514610310e-1f);
  y = __fmaf_rn(y, m, 1.1676998740e-1f);
  y = __fmaf_rn(y, m, -1.2420140846e-1f);
  y = __fmaf_rn(y, m, 1.4249322787e-1f);
  y = __fmaf_rn(y, m, -1.6668057665e-1f);
  y = __fmaf_rn(y, m, 2.0000714765e-1f);
  y = __fmaf_rn(y, m, -2.4999993993e-1f);
  y = __fmaf_rn(y, m, 3.3333331174e-1f);
  y = y * m * z;
  y = __fmaf_rn(exponent, -2.12194440e-4f, y);
  y = __fmaf_rn(-0.5f, z, y);
  const float result = __fmaf_rn(exponent, 0.693359375f, m + y);
  return x == x ? result : x;
}

__device__ __forceinline__ float hyperbolic_tangent(float x) {
  const float magnitude = fabsf(x);
  const float z = x * x;
  float y = -5.70498872745e-3f;
  y = __fmaf_rn(y, z, 2.06390887954e-2f);
  y = __fmaf_rn(y, z, -5.37397155531e-2f);
  y = __fmaf_rn(y, z, 1.33314422036e-1f);
  y = __fmaf_rn(y, z, -3.33332819422e-1f);
  const float small = __fmaf_rn(y * z, x, x);
  const float e = exponential(magnitude + magnitude);
  const float large = (1.0f - 2.0f / (e + 1.0f)) * (x < 0.0f ? -1.0f : 1.0f);
  return magnitude < 0.625f ? small : large;
}

__device__ __forceinline__ float activate(Activation activation, float x) {
  if (activation == Activation::kRelu) return relu_of(x);
  if (activation == Activation::kTanh) return hyperbolic_tangent(x);
  return x;
}

/// The gradient before an activation whose output is h, given the one behind it.
__device__ __forceinline__ float activation_gradient(Activation activation, float h, float gradient) {
  if (activation == Activation::kRelu) return h > 0.0f ? gradient : 0.0f;
  if (activation == Activation::kTanh) return gradient * __fmaf_rn(-h, h, 1.0f);
  return gradient;
}

}  // namespace ganno::cuda

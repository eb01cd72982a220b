#pragma once
// exp, log and tanh as polynomials: the same bits on every machine with fused multiply-add, which libm does not give.
// Coefficients: Cephes (S. Moshier, single precision); relative error about 1e-7.
#include "cpu/simd.h"

namespace ganno::GANNO_TIER {

/// exp(x); 0 below -87, and never above exp(88). NaN stays NaN.
GANNO_INLINE Vector exponential(Vector x) {
  const Vector clamped = max(set1(-87.0f), min(set1(88.0f), x));
  const IntVector n = round_to_int(clamped * set1(1.44269504088896341f));
  const Vector whole = to_float(n);
  Vector r = negative_fma(whole, set1(0.693359375f), clamped);
  r = negative_fma(whole, set1(-2.12194440e-4f), r);
  Vector y = set1(1.9875691500e-4f);
  y = fma(y, r, set1(1.3981999507e-3f));
  y = fma(y, r, set1(8.3334519073e-3f));
  y = fma(y, r, set1(4.1665795894e-2f));
  y = fma(y, r, set1(1.6666665459e-1f));
  y = fma(y, r, set1(5.0000001201e-1f));
  y = fma(y, r * r, r) + set1(1.0f);
  const Vector result = zero_unless(!less(x, set1(-87.0f)), y * power_of_two(n));
  return select(equal(x, x), result, x);
}

/// Natural logarithm of a positive, normal x. NaN stays NaN.
GANNO_INLINE Vector logarithm(Vector x) {
  const IntVector pattern = as_int(x);
  Vector exponent = to_float(shift_right<23>(pattern) - set1_int(126));
  Vector m = as_float((pattern & set1_int(0x007fffff)) | set1_int(0x3f000000));  // [0.5, 1)
  const Mask low = less(m, set1(0.707106781186547524f));
  exponent = exponent - zero_unless(low, set1(1.0f));
  m = m + zero_unless(low, m) - set1(1.0f);
  const Vector z = m * m;
  Vector y = set1(7.0376836292e-2f);
  y = fma(y, m, set1(-1.1514610310e-1f));
  y = fma(y, m, set1(1.1676998740e-1f));
  y = fma(y, m, set1(-1.2420140846e-1f));
  y = fma(y, m, set1(1.4249322787e-1f));
  y = fma(y, m, set1(-1.6668057665e-1f));
  y = fma(y, m, set1(2.0000714765e-1f));
  y = fma(y, m, set1(-2.4999993993e-1f));
  y = fma(y, m, set1(3.3333331174e-1f));
  y = y * m * z;
  y = fma(exponent, set1(-2.12194440e-4f), y);
  y = negative_fma(set1(0.5f), z, y);
  return select(equal(x, x), fma(exponent, set1(0.693359375f), m + y), x);
}

GANNO_INLINE Vector hyperbolic_tangent(Vector x) {
  const Vector magnitude = abs(x);
  const Vector z = x * x;
  Vector y = set1(-5.70498872745e-3f);
  y = fma(y, z, set1(2.06390887954e-2f));
  y = fma(y, z, set1(-5.37397155531e-2f));
  y = fma(y, z, set1(1.33314422036e-1f));
  y = fma(y, z, set1(-3.33332819422e-1f));
  const Vector small = fma(y * z, x, x);
  const Vector e = exponential(magnitude + magnitude);
  const Vector large = (set1(1.0f) - set1(2.0f) / (e + set1(1.0f))) * sign_of(x);
  return select(less(magnitude, set1(0.625f)), small, large);
}

}  // namespace ganno::GANNO_TIER

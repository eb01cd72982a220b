#pragma once
// AVX-512 (F, BW, CD, DQ, VL): 16 lanes. See cpu/simd.h for what each function means.
#include <immintrin.h>

namespace ganno::GANNO_TIER {

inline constexpr int kVectorWidth = 16;

struct Vector {
  __m512 native;
};
using Doubles = __m512d;
struct IntVector {
  __m512i native;
};
struct Mask {
  __mmask16 native;
};

GANNO_INLINE Vector zero() {
  return {_mm512_setzero_ps()};
}
GANNO_INLINE Vector set1(float x) {
  return {_mm512_set1_ps(x)};
}
GANNO_INLINE Vector load(const float* p) {
  return {_mm512_loadu_ps(p)};
}
GANNO_INLINE void store(float* p, Vector v) {
  _mm512_storeu_ps(p, v.native);
}

GANNO_INLINE Mask first_lanes(std::size_t n) {
  return {static_cast<__mmask16>((1u << n) - 1u)};
}
GANNO_INLINE Mask all_lanes() {
  return {static_cast<__mmask16>(0xffff)};
}
GANNO_INLINE Vector load_partial(const float* p, std::size_t n) {
  return {_mm512_maskz_loadu_ps(first_lanes(n).native, p)};
}
GANNO_INLINE void store_partial(float* p, Vector v, std::size_t n) {
  _mm512_mask_storeu_ps(p, first_lanes(n).native, v.native);
}
GANNO_INLINE Vector load_uint8(const std::uint8_t* p) {
  return {_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))))};
}
GANNO_INLINE Vector load_uint8_partial(const std::uint8_t* p, std::size_t n) {
  return {_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(first_lanes(n).native, p)))};
}

GANNO_INLINE void store_uint8(std::uint8_t* p, Vector v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v.native)));
}

GANNO_INLINE Vector operator+(Vector a, Vector b) {
  return {_mm512_add_ps(a.native, b.native)};
}
GANNO_INLINE Vector operator-(Vector a, Vector b) {
  return {_mm512_sub_ps(a.native, b.native)};
}
GANNO_INLINE Vector operator*(Vector a, Vector b) {
  return {_mm512_mul_ps(a.native, b.native)};
}
GANNO_INLINE Vector operator/(Vector a, Vector b) {
  return {_mm512_div_ps(a.native, b.native)};
}
GANNO_INLINE Vector sqrt(Vector v) {
  return {_mm512_sqrt_ps(v.native)};
}
GANNO_INLINE Doubles sqrt(Doubles v) {
  return _mm512_sqrt_pd(v);
}
GANNO_INLINE Doubles load(const double* p) {
  return _mm512_loadu_pd(p);
}
GANNO_INLINE void store_narrowed(float* p, Doubles v) {
  _mm256_storeu_ps(p, _mm512_cvtpd_ps(v));
}
GANNO_INLINE Vector abs(Vector v) {
  return {_mm512_andnot_ps(_mm512_set1_ps(-0.0f), v.native)};
}
GANNO_INLINE Vector negate(Vector v) {
  return {_mm512_xor_ps(_mm512_set1_ps(-0.0f), v.native)};
}
GANNO_INLINE Vector sign_of(Vector v) {
  return {_mm512_or_ps(_mm512_and_ps(_mm512_set1_ps(-0.0f), v.native), _mm512_set1_ps(1.0f))};
}
GANNO_INLINE Vector min(Vector a, Vector b) {
  return {_mm512_min_ps(a.native, b.native)};
}
GANNO_INLINE Vector max(Vector a, Vector b) {
  return {_mm512_max_ps(a.native, b.native)};
}
GANNO_INLINE Vector fma(Vector a, Vector b, Vector c) {
  return {_mm512_fmadd_ps(a.native, b.native, c.native)};
}
GANNO_INLINE Vector negative_fma(Vector a, Vector b, Vector c) {
  return {_mm512_fnmadd_ps(a.native, b.native, c.native)};
}

GANNO_INLINE Mask less(Vector a, Vector b) {
  return {_mm512_cmp_ps_mask(a.native, b.native, _CMP_LT_OQ)};
}
GANNO_INLINE Mask less_equal(Vector a, Vector b) {
  return {_mm512_cmp_ps_mask(a.native, b.native, _CMP_LE_OQ)};
}
GANNO_INLINE Mask greater(Vector a, Vector b) {
  return {_mm512_cmp_ps_mask(a.native, b.native, _CMP_GT_OQ)};
}
GANNO_INLINE Mask greater_equal(Vector a, Vector b) {
  return {_mm512_cmp_ps_mask(a.native, b.native, _CMP_GE_OQ)};
}
GANNO_INLINE Mask equal(Vector a, Vector b) {
  return {_mm512_cmp_ps_mask(a.native, b.native, _CMP_EQ_OQ)};
}
GANNO_INLINE Mask is_finite(Vector v) {
  return {_mm512_cmp_ps_mask(abs(v).native, _mm512_set1_ps(__builtin_inff()), _CMP_LT_OQ)};
}
GANNO_INLINE bool all_finite(Vector v) {
  return _mm512_fpclass_ps_mask(v.native, 0x99) == 0;  // quiet NaN, +-infinity, signalling NaN: one instruction
}
GANNO_INLINE Vector max_abs(Vector largest, Vector v) {
  return {_mm512_range_ps(v.native, largest.native, 0xb)};  // the larger magnitude, sign cleared: one instruction
}

GANNO_INLINE Mask operator&(Mask a, Mask b) {
  return {static_cast<__mmask16>(a.native & b.native)};
}
GANNO_INLINE Mask operator|(Mask a, Mask b) {
  return {static_cast<__mmask16>(a.native | b.native)};
}
GANNO_INLINE Mask operator!(Mask a) {
  return {static_cast<__mmask16>(~a.native)};
}
GANNO_INLINE Mask and_not(Mask a, Mask b) {
  return {static_cast<__mmask16>(a.native & ~b.native)};
}
GANNO_INLINE bool any(Mask mask) {
  return mask.native != 0;
}
GANNO_INLINE bool all(Mask mask) {
  return mask.native == 0xffff;
}
GANNO_INLINE unsigned bits(Mask mask) {
  return mask.native;
}
GANNO_INLINE unsigned popcount(Mask mask) {
  return static_cast<unsigned>(__builtin_popcount(mask.native));
}
GANNO_INLINE Vector select(Mask mask, Vector a, Vector b) {
  return {_mm512_mask_blend_ps(mask.native, b.native, a.native)};
}
GANNO_INLINE Vector zero_unless(Mask mask, Vector v) {
  return {_mm512_maskz_mov_ps(mask.native, v.native)};
}

GANNO_INLINE IntVector round_to_int(Vector v) {
  return {_mm512_cvtps_epi32(v.native)};
}
GANNO_INLINE Vector to_float(IntVector v) {
  return {_mm512_cvtepi32_ps(v.native)};
}
GANNO_INLINE IntVector as_int(Vector v) {
  return {_mm512_castps_si512(v.native)};
}
GANNO_INLINE Vector as_float(IntVector v) {
  return {_mm512_castsi512_ps(v.native)};
}
GANNO_INLINE IntVector set1_int(std::int32_t x) {
  return {_mm512_set1_epi32(x)};
}
GANNO_INLINE IntVector operator+(IntVector a, IntVector b) {
  return {_mm512_add_epi32(a.native, b.native)};
}
GANNO_INLINE IntVector operator-(IntVector a, IntVector b) {
  return {_mm512_sub_epi32(a.native, b.native)};
}
GANNO_INLINE IntVector operator&(IntVector a, IntVector b) {
  return {_mm512_and_si512(a.native, b.native)};
}
GANNO_INLINE IntVector operator|(IntVector a, IntVector b) {
  return {_mm512_or_si512(a.native, b.native)};
}
GANNO_INLINE IntVector operator^(IntVector a, IntVector b) {
  return {_mm512_xor_si512(a.native, b.native)};
}
template <int n>
GANNO_INLINE IntVector shift_left(IntVector v) {
  return {_mm512_slli_epi32(v.native, n)};
}
template <int n>
GANNO_INLINE IntVector shift_right(IntVector v) {
  return {_mm512_srli_epi32(v.native, n)};
}
template <int n>
GANNO_INLINE IntVector shift_right_arithmetic(IntVector v) {
  return {_mm512_srai_epi32(v.native, n)};
}

GANNO_INLINE float sum(Vector v) {
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(v.native), _mm512_extractf32x8_ps(v.native, 1));
  const __m128 quarter = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  const __m128 pair = _mm_add_ps(quarter, _mm_movehl_ps(quarter, quarter));
  return _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
}
GANNO_INLINE float maximum(Vector v) {
  const __m256 half = _mm256_max_ps(_mm512_castps512_ps256(v.native), _mm512_extractf32x8_ps(v.native, 1));
  const __m128 quarter = _mm_max_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  const __m128 pair = _mm_max_ps(quarter, _mm_movehl_ps(quarter, quarter));
  return _mm_cvtss_f32(_mm_max_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
}
GANNO_INLINE Vector least_magnitude16(const Vector (&lanes)[1]) {
  __m512i key = _mm512_rol_epi32(_mm512_castps_si512(lanes[0].native), 1);
  key = _mm512_min_epu32(key, _mm512_shuffle_i32x4(key, key, 0x4e));
  key = _mm512_min_epu32(key, _mm512_shuffle_i32x4(key, key, 0xb1));
  key = _mm512_min_epu32(key, _mm512_shuffle_epi32(key, _MM_PERM_BADC));
  key = _mm512_min_epu32(key, _mm512_shuffle_epi32(key, _MM_PERM_CDAB));
  const __mmask16 finite = _mm512_cmplt_epu32_mask(key, _mm512_set1_epi32(static_cast<int>(0xff000000)));
  return {_mm512_castsi512_ps(_mm512_maskz_ror_epi32(finite, key, 1))};
}
GANNO_INLINE float first_lane(Vector v) {
  return _mm512_cvtss_f32(v.native);
}
GANNO_INLINE double fold16(const Vector (&lanes)[1]) {
  const __m512 v = lanes[0].native;
  const __m512d eight =
      _mm512_add_pd(_mm512_cvtps_pd(_mm512_castps512_ps256(v)), _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1)));
  const __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd(eight, 1));
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

GANNO_INLINE void fold16x8(const Vector (&rows)[8][1], double* out) {
  // By way of memory: a conversion that loads leaves the shuffle unit, which the rest of this keeps busy, alone.
  alignas(64) float spilled[8][16];
  for (int row = 0; row < 8; ++row) _mm512_store_ps(spilled[row], rows[row][0].native);
  asm("" : "+m"(spilled));
  const auto eight = [](const float(&row)[16]) __attribute__((always_inline)) {
    return _mm512_add_pd(_mm512_cvtps_pd(_mm256_load_ps(row)), _mm512_cvtps_pd(_mm256_load_ps(row + 8)));
  };
  const auto four = [&](int a, int b) __attribute__((always_inline)) {
    const __m512d x = eight(spilled[a]), y = eight(spilled[b]);
    return _mm512_add_pd(_mm512_shuffle_f64x2(x, y, 0x44), _mm512_shuffle_f64x2(x, y, 0xee));
  };
  const auto two = [&](int a, int b, int c, int d) __attribute__((always_inline)) {
    const __m512d x = four(a, b), y = four(c, d);
    return _mm512_add_pd(_mm512_shuffle_f64x2(x, y, 0x88), _mm512_shuffle_f64x2(x, y, 0xdd));
  };
  const __m512d even = two(0, 2, 4, 6), odd = two(1, 3, 5, 7);
  _mm512_storeu_pd(out, _mm512_add_pd(_mm512_unpacklo_pd(even, odd), _mm512_unpackhi_pd(even, odd)));
}

}  // namespace ganno::GANNO_TIER

#pragma once
// AVX2 + FMA (x86-64-v3): 8 lanes. See cpu/simd.h for what each function means.
#include <immintrin.h>

namespace ganno::GANNO_TIER {

inline constexpr int kVectorWidth = 8;

struct Vector {
  __m256 native;
};
using Doubles = __m256d;
struct IntVector {
  __m256i native;
};
struct Mask {
  __m256 native;  // all bits of a lane set, or none
};

GANNO_INLINE Vector zero() {
  return {_mm256_setzero_ps()};
}
GANNO_INLINE Vector set1(float x) {
  return {_mm256_set1_ps(x)};
}
GANNO_INLINE Vector load(const float* p) {
  return {_mm256_loadu_ps(p)};
}
GANNO_INLINE void store(float* p, Vector v) {
  _mm256_storeu_ps(p, v.native);
}

GANNO_INLINE __m256i lane_mask(std::size_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
GANNO_INLINE Mask first_lanes(std::size_t n) {
  return {_mm256_castsi256_ps(lane_mask(n))};
}
GANNO_INLINE Mask all_lanes() {
  return {_mm256_castsi256_ps(_mm256_set1_epi32(-1))};
}
GANNO_INLINE Vector load_partial(const float* p, std::size_t n) {
  return {_mm256_maskload_ps(p, lane_mask(n))};
}
GANNO_INLINE void store_partial(float* p, Vector v, std::size_t n) {
  _mm256_maskstore_ps(p, lane_mask(n), v.native);
}
GANNO_INLINE Vector load_uint8(const std::uint8_t* p) {
  return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))))};
}
GANNO_INLINE Vector load_uint8_partial(const std::uint8_t* p, std::size_t n) {
  std::uint8_t bytes[8] = {};
  for (std::size_t i = 0; i < n; ++i) bytes[i] = p[i];
  return load_uint8(bytes);
}

GANNO_INLINE void store_uint8(std::uint8_t* p, Vector v) {
  const __m256i words = _mm256_cvtps_epi32(v.native);
  const __m128i halves = _mm_packs_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(halves, halves));
}

GANNO_INLINE Vector operator+(Vector a, Vector b) {
  return {_mm256_add_ps(a.native, b.native)};
}
GANNO_INLINE Vector operator-(Vector a, Vector b) {
  return {_mm256_sub_ps(a.native, b.native)};
}
GANNO_INLINE Vector operator*(Vector a, Vector b) {
  return {_mm256_mul_ps(a.native, b.native)};
}
GANNO_INLINE Vector operator/(Vector a, Vector b) {
  return {_mm256_div_ps(a.native, b.native)};
}
GANNO_INLINE Vector sqrt(Vector v) {
  return {_mm256_sqrt_ps(v.native)};
}
GANNO_INLINE Doubles sqrt(Doubles v) {
  return _mm256_sqrt_pd(v);
}
GANNO_INLINE Doubles load(const double* p) {
  return _mm256_loadu_pd(p);
}
GANNO_INLINE void store_narrowed(float* p, Doubles v) {
  _mm_storeu_ps(p, _mm256_cvtpd_ps(v));
}
GANNO_INLINE Vector abs(Vector v) {
  return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), v.native)};
}
GANNO_INLINE Vector negate(Vector v) {
  return {_mm256_xor_ps(_mm256_set1_ps(-0.0f), v.native)};
}
GANNO_INLINE Vector sign_of(Vector v) {
  return {_mm256_or_ps(_mm256_and_ps(_mm256_set1_ps(-0.0f), v.native), _mm256_set1_ps(1.0f))};
}
GANNO_INLINE Vector min(Vector a, Vector b) {
  return {_mm256_min_ps(a.native, b.native)};
}
GANNO_INLINE Vector max(Vector a, Vector b) {
  return {_mm256_max_ps(a.native, b.native)};
}
GANNO_INLINE Vector fma(Vector a, Vector b, Vector c) {
  return {_mm256_fmadd_ps(a.native, b.native, c.native)};
}
GANNO_INLINE Vector negative_fma(Vector a, Vector b, Vector c) {
  return {_mm256_fnmadd_ps(a.native, b.native, c.native)};
}

GANNO_INLINE Mask less(Vector a, Vector b) {
  return {_mm256_cmp_ps(a.native, b.native, _CMP_LT_OQ)};
}
GANNO_INLINE Mask less_equal(Vector a, Vector b) {
  return {_mm256_cmp_ps(a.native, b.native, _CMP_LE_OQ)};
}
GANNO_INLINE Mask greater(Vector a, Vector b) {
  return {_mm256_cmp_ps(a.native, b.native, _CMP_GT_OQ)};
}
GANNO_INLINE Mask greater_equal(Vector a, Vector b) {
  return {_mm256_cmp_ps(a.native, b.native, _CMP_GE_OQ)};
}
GANNO_INLINE Mask equal(Vector a, Vector b) {
  return {_mm256_cmp_ps(a.native, b.native, _CMP_EQ_OQ)};
}
GANNO_INLINE Mask is_finite(Vector v) {
  return {_mm256_cmp_ps(abs(v).native, _mm256_set1_ps(__builtin_inff()), _CMP_LT_OQ)};
}

GANNO_INLINE Mask operator&(Mask a, Mask b) {
  return {_mm256_and_ps(a.native, b.native)};
}
GANNO_INLINE Mask operator|(Mask a, Mask b) {
  return {_mm256_or_ps(a.native, b.native)};
}
GANNO_INLINE Mask operator!(Mask a) {
  return {_mm256_xor_ps(a.native, all_lanes().native)};
}
GANNO_INLINE Mask and_not(Mask a, Mask b) {
  return {_mm256_andnot_ps(b.native, a.native)};
}
GANNO_INLINE unsigned bits(Mask mask) {
  return static_cast<unsigned>(_mm256_movemask_ps(mask.native));
}
GANNO_INLINE bool any(Mask mask) {
  return bits(mask) != 0;
}
GANNO_INLINE bool all(Mask mask) {
  return bits(mask) == 0xff;
}
GANNO_INLINE unsigned popcount(Mask mask) {
  return static_cast<unsigned>(__builtin_popcount(bits(mask)));
}
GANNO_INLINE bool all_finite(Vector v) {
  return all(is_finite(v));
}
GANNO_INLINE Vector max_abs(Vector largest, Vector v) {
  return max(largest, abs(v));
}
GANNO_INLINE Vector select(Mask mask, Vector a, Vector b) {
  return {_mm256_blendv_ps(b.native, a.native, mask.native)};
}
GANNO_INLINE Vector zero_unless(Mask mask, Vector v) {
  return {_mm256_and_ps(mask.native, v.native)};
}

GANNO_INLINE IntVector round_to_int(Vector v) {
  return {_mm256_cvtps_epi32(v.native)};
}
GANNO_INLINE Vector to_float(IntVector v) {
  return {_mm256_cvtepi32_ps(v.native)};
}
GANNO_INLINE IntVector as_int(Vector v) {
  return {_mm256_castps_si256(v.native)};
}
GANNO_INLINE Vector as_float(IntVector v) {
  return {_mm256_castsi256_ps(v.native)};
}
GANNO_INLINE IntVector set1_int(std::int32_t x) {
  return {_mm256_set1_epi32(x)};
}
GANNO_INLINE IntVector operator+(IntVector a, IntVector b) {
  return {_mm256_add_epi32(a.native, b.native)};
}
GANNO_INLINE IntVector operator-(IntVector a, IntVector b) {
  return {_mm256_sub_epi32(a.native, b.native)};
}
GANNO_INLINE IntVector operator&(IntVector a, IntVector b) {
  return {_mm256_and_si256(a.native, b.native)};
}
GANNO_INLINE IntVector operator|(IntVector a, IntVector b) {
  return {_mm256_or_si256(a.native, b.native)};
}
GANNO_INLINE IntVector operator^(IntVector a, IntVector b) {
  return {_mm256_xor_si256(a.native, b.native)};
}
template <int n>
GANNO_INLINE IntVector shift_left(IntVector v) {
  return {_mm256_slli_epi32(v.native, n)};
}
template <int n>
GANNO_INLINE IntVector shift_right(IntVector v) {
  return {_mm256_srli_epi32(v.native, n)};
}
template <int n>
GANNO_INLINE IntVector shift_right_arithmetic(IntVector v) {
  return {_mm256_srai_epi32(v.native, n)};
}

GANNO_INLINE float sum(Vector v) {
  const __m128 quarter = _mm_add_ps(_mm256_castps256_ps128(v.native), _mm256_extractf128_ps(v.native, 1));
  const __m128 pair = _mm_add_ps(quarter, _mm_movehl_ps(quarter, quarter));
  return _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
}
GANNO_INLINE float maximum(Vector v) {
  const __m128 quarter = _mm_max_ps(_mm256_castps256_ps128(v.native), _mm256_extractf128_ps(v.native, 1));
  const __m128 pair = _mm_max_ps(quarter, _mm_movehl_ps(quarter, quarter));
  return _mm_cvtss_f32(_mm_max_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
}
GANNO_INLINE Vector least_magnitude16(const Vector (&lanes)[2]) {
  const auto rotated = [](Vector v) __attribute__((always_inline)) {
    const __m256i word = _mm256_castps_si256(v.native);
    return _mm256_or_si256(_mm256_slli_epi32(word, 1), _mm256_srli_epi32(word, 31));
  };
  __m256i key = _mm256_min_epu32(rotated(lanes[0]), rotated(lanes[1]));
  key = _mm256_min_epu32(key, _mm256_permute2x128_si256(key, key, 1));
  key = _mm256_min_epu32(key, _mm256_shuffle_epi32(key, 0x4e));
  key = _mm256_min_epu32(key, _mm256_shuffle_epi32(key, 0xb1));
  const __m256i largest = _mm256_set1_epi32(static_cast<int>(0xfeffffff));
  const __m256i finite = _mm256_cmpeq_epi32(_mm256_max_epu32(key, largest), largest);
  const __m256i value = _mm256_or_si256(_mm256_srli_epi32(key, 1), _mm256_slli_epi32(key, 31));
  return {_mm256_castsi256_ps(_mm256_and_si256(finite, value))};
}
GANNO_INLINE float first_lane(Vector v) {
  return _mm256_cvtss_f32(v.native);
}
GANNO_INLINE __m256d fold16_to_four(const Vector (&lanes)[2]) {
  const auto widen = [](__m128 v) __attribute__((always_inline)) {
    return _mm256_cvtps_pd(v);
  };
  const __m256 low = lanes[0].native;
  const __m256 high = lanes[1].native;
  const __m256d eight0 = _mm256_add_pd(widen(_mm256_castps256_ps128(low)), widen(_mm256_castps256_ps128(high)));
  const __m256d eight1 = _mm256_add_pd(widen(_mm256_extractf128_ps(low, 1)), widen(_mm256_extractf128_ps(high, 1)));
  return _mm256_add_pd(eight0, eight1);
}
GANNO_INLINE double fold16(const Vector (&lanes)[2]) {
  const __m256d four = fold16_to_four(lanes);
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}
GANNO_INLINE void fold16x8(const Vector (&rows)[8][2], double* out) {
  const auto two = [&](int a, int b) __attribute__((always_inline)) {
    const __m256d x = fold16_to_four(rows[a]), y = fold16_to_four(rows[b]);
    return _mm256_add_pd(_mm256_permute2f128_pd(x, y, 0x20), _mm256_permute2f128_pd(x, y, 0x31));
  };
  for (int i = 0; i < 8; i += 4) {
    const __m256d even = two(i, i + 2), odd = two(i + 1, i + 3);
    _mm256_storeu_pd(out + i, _mm256_add_pd(_mm256_unpacklo_pd(even, odd), _mm256_unpackhi_pd(even, odd)));
  }
}

}  // namespace ganno::GANNO_TIER

#pragma once
// Baseline x86-64 (SSE2): 4 lanes. See cpu/simd.h for what each function means. No fused multiply-add here: kernels
// that use fma() agree with the other tiers to rounding, not bit for bit.
#include <emmintrin.h>

namespace ganno::GANNO_TIER {

inline constexpr int kVectorWidth = 4;

struct Vector {
  __m128 native;
};
using Doubles = __m128d;
struct IntVector {
  __m128i native;
};
struct Mask {
  __m128 native;  // all bits of a lane set, or none
};

GANNO_INLINE Vector zero() {
  return {_mm_setzero_ps()};
}
GANNO_INLINE Vector set1(float x) {
  return {_mm_set1_ps(x)};
}
GANNO_INLINE Vector load(const float* p) {
  return {_mm_loadu_ps(p)};
}
GANNO_INLINE void store(float* p, Vector v) {
  _mm_storeu_ps(p, v.native);
}

GANNO_INLINE Mask first_lanes(std::size_t n) {
  return {_mm_castsi128_ps(_mm_cmpgt_epi32(_mm_set1_epi32(static_cast<int>(n)), _mm_setr_epi32(0, 1, 2, 3)))};
}
GANNO_INLINE Mask all_lanes() {
  return {_mm_castsi128_ps(_mm_set1_epi32(-1))};
}
GANNO_INLINE Vector load_partial(const float* p, std::size_t n) {
  float lanes[4] = {};
  for (std::size_t i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}
GANNO_INLINE void store_partial(float* p, Vector v, std::size_t n) {
  float lanes[4];
  store(lanes, v);
  for (std::size_t i = 0; i < n; ++i) p[i] = lanes[i];
}
GANNO_INLINE Vector load_uint8(const std::uint8_t* p) {
  std::int32_t word;
  std::memcpy(&word, p, sizeof word);
  const __m128i none = _mm_setzero_si128();
  return {_mm_cvtepi32_ps(_mm_unpacklo_epi16(_mm_unpacklo_epi8(_mm_cvtsi32_si128(word), none), none))};
}
GANNO_INLINE Vector load_uint8_partial(const std::uint8_t* p, std::size_t n) {
  std::uint8_t bytes[4] = {};
  for (std::size_t i = 0; i < n; ++i) bytes[i] = p[i];
  return load_uint8(bytes);
}

GANNO_INLINE void store_uint8(std::uint8_t* p, Vector v) {
  const __m128i words = _mm_cvtps_epi32(v.native);
  const __m128i halves = _mm_packs_epi32(words, words);
  const std::int32_t bytes = _mm_cvtsi128_si32(_mm_packus_epi16(halves, halves));
  std::memcpy(p, &bytes, sizeof bytes);
}

GANNO_INLINE Vector operator+(Vector a, Vector b) {
  return {_mm_add_ps(a.native, b.native)};
}
GANNO_INLINE Vector operator-(Vector a, Vector b) {
  return {_mm_sub_ps(a.native, b.native)};
}
GANNO_INLINE Vector operator*(Vector a, Vector b) {
  return {_mm_mul_ps(a.native, b.native)};
}
GANNO_INLINE Vector operator/(Vector a, Vector b) {
  return {_mm_div_ps(a.native, b.native)};
}
GANNO_INLINE Vector sqrt(Vector v) {
  return {_mm_sqrt_ps(v.native)};
}
GANNO_INLINE Doubles sqrt(Doubles v) {
  return _mm_sqrt_pd(v);
}
GANNO_INLINE Doubles load(const double* p) {
  return _mm_loadu_pd(p);
}
GANNO_INLINE void store_narrowed(float* p, Doubles v) {
  _mm_storel_pi(reinterpret_cast<__m64*>(p), _mm_cvtpd_ps(v));
}
GANNO_INLINE Vector abs(Vector v) {
  return {_mm_andnot_ps(_mm_set1_ps(-0.0f), v.native)};
}
GANNO_INLINE Vector negate(Vector v) {
  return {_mm_xor_ps(_mm_set1_ps(-0.0f), v.native)};
}
GANNO_INLINE Vector sign_of(Vector v) {
  return {_mm_or_ps(_mm_and_ps(_mm_set1_ps(-0.0f), v.native), _mm_set1_ps(1.0f))};
}
GANNO_INLINE Vector min(Vector a, Vector b) {
  return {_mm_min_ps(a.native, b.native)};
}
GANNO_INLINE Vector max(Vector a, Vector b) {
  return {_mm_max_ps(a.native, b.native)};
}
GANNO_INLINE Vector fma(Vector a, Vector b, Vector c) {
  return {_mm_add_ps(_mm_mul_ps(a.native, b.native), c.native)};
}
GANNO_INLINE Vector negative_fma(Vector a, Vector b, Vector c) {
  return {_mm_sub_ps(c.native, _mm_mul_ps(a.native, b.native))};
}

GANNO_INLINE Mask less(Vector a, Vector b) {
  return {_mm_cmplt_ps(a.native, b.native)};
}
GANNO_INLINE Mask less_equal(Vector a, Vector b) {
  return {_mm_cmple_ps(a.native, b.native)};
}
GANNO_INLINE Mask greater(Vector a, Vector b) {
  return {_mm_cmpgt_ps(a.native, b.native)};
}
GANNO_INLINE Mask greater_equal(Vector a, Vector b) {
  return {_mm_cmpge_ps(a.native, b.native)};
}
GANNO_INLINE Mask equal(Vector a, Vector b) {
  return {_mm_cmpeq_ps(a.native, b.native)};
}
GANNO_INLINE Mask is_finite(Vector v) {
  return {_mm_cmplt_ps(abs(v).native, _mm_set1_ps(__builtin_inff()))};
}

GANNO_INLINE Mask operator&(Mask a, Mask b) {
  return {_mm_and_ps(a.native, b.native)};
}
GANNO_INLINE Mask operator|(Mask a, Mask b) {
  return {_mm_or_ps(a.native, b.native)};
}
GANNO_INLINE Mask operator!(Mask a) {
  return {_mm_xor_ps(a.native, all_lanes().native)};
}
GANNO_INLINE Mask and_not(Mask a, Mask b) {
  return {_mm_andnot_ps(b.native, a.native)};
}
GANNO_INLINE unsigned bits(Mask mask) {
  return static_cast<unsigned>(_mm_movemask_ps(mask.native));
}
GANNO_INLINE bool any(Mask mask) {
  return bits(mask) != 0;
}
GANNO_INLINE bool all(Mask mask) {
  return bits(mask) == 0xf;
}
GANNO_INLINE unsigned popcount(Mask mask) {
  // No POPCNT instruction in baseline x86-64; four bits need no library call either.
  const unsigned lanes = bits(mask);
  return (lanes & 1u) + (lanes >> 1 & 1u) + (lanes >> 2 & 1u) + (lanes >> 3 & 1u);
}
GANNO_INLINE bool all_finite(Vector v) {
  return all(is_finite(v));
}
GANNO_INLINE Vector max_abs(Vector largest, Vector v) {
  return max(largest, abs(v));
}
GANNO_INLINE Vector select(Mask mask, Vector a, Vector b) {
  return {_mm_or_ps(_mm_and_ps(mask.native, a.native), _mm_andnot_ps(mask.native, b.native))};
}
GANNO_INLINE Vector zero_unless(Mask mask, Vector v) {
  return {_mm_and_ps(mask.native, v.native)};
}

GANNO_INLINE IntVector round_to_int(Vector v) {
  return {_mm_cvtps_epi32(v.native)};
}
GANNO_INLINE Vector to_float(IntVector v) {
  return {_mm_cvtepi32_ps(v.native)};
}
GANNO_INLINE IntVector as_int(Vector v) {
  return {_mm_castps_si128(v.native)};
}
GANNO_INLINE Vector as_float(IntVector v) {
  return {_mm_castsi128_ps(v.native)};
}
GANNO_INLINE IntVector set1_int(std::int32_t x) {
  return {_mm_set1_epi32(x)};
}
GANNO_INLINE IntVector operator+(IntVector a, IntVector b) {
  return {_mm_add_epi32(a.native, b.native)};
}
GANNO_INLINE IntVector operator-(IntVector a, IntVector b) {
  return {_mm_sub_epi32(a.native, b.native)};
}
GANNO_INLINE IntVector operator&(IntVector a, IntVector b) {
  return {_mm_and_si128(a.native, b.native)};
}
GANNO_INLINE IntVector operator|(IntVector a, IntVector b) {
  return {_mm_or_si128(a.native, b.native)};
}
GANNO_INLINE IntVector operator^(IntVector a, IntVector b) {
  return {_mm_xor_si128(a.native, b.native)};
}
template <int n>
GANNO_INLINE IntVector shift_left(IntVector v) {
  return {_mm_slli_epi32(v.native, n)};
}
template <int n>
GANNO_INLINE IntVector shift_right(IntVector v) {
  return {_mm_srli_epi32(v.native, n)};
}
template <int n>
GANNO_INLINE IntVector shift_right_arithmetic(IntVector v) {
  return {_mm_srai_epi32(v.native, n)};
}

GANNO_INLINE float sum(Vector v) {
  const __m128 pair = _mm_add_ps(v.native, _mm_movehl_ps(v.native, v.native));
  return _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
}
GANNO_INLINE float maximum(Vector v) {
  const __m128 pair = _mm_max_ps(v.native, _mm_movehl_ps(v.native, v.native));
  return _mm_cvtss_f32(_mm_max_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
}
GANNO_INLINE Vector least_magnitude16(const Vector (&lanes)[4]) {
  // SSE2 compares signed integers only: the sign bit is flipped for that.
  const __m128i flip = _mm_set1_epi32(static_cast<int>(0x80000000));
  const auto key_of = [&](Vector v) __attribute__((always_inline)) {
    const __m128i word = _mm_castps_si128(v.native);
    return _mm_xor_si128(flip, _mm_or_si128(_mm_slli_epi32(word, 1), _mm_srli_epi32(word, 31)));
  };
  const auto smaller = [](__m128i a, __m128i b) __attribute__((always_inline)) {
    const __m128i greater = _mm_cmpgt_epi32(a, b);
    return _mm_or_si128(_mm_and_si128(greater, b), _mm_andnot_si128(greater, a));
  };
  __m128i key = smaller(smaller(key_of(lanes[0]), key_of(lanes[1])), smaller(key_of(lanes[2]), key_of(lanes[3])));
  key = smaller(key, _mm_shuffle_epi32(key, 0x4e));
  key = smaller(key, _mm_shuffle_epi32(key, 0xb1));
  const __m128i finite = _mm_cmplt_epi32(key, _mm_set1_epi32(static_cast<int>(0x7f000000)));
  key = _mm_xor_si128(key, flip);
  const __m128i value = _mm_or_si128(_mm_srli_epi32(key, 1), _mm_slli_epi32(key, 31));
  return {_mm_castsi128_ps(_mm_and_si128(finite, value))};
}
GANNO_INLINE float first_lane(Vector v) {
  return _mm_cvtss_f32(v.native);
}
GANNO_INLINE __m128d fold16_to_two(const Vector (&lanes)[4]) {
  const auto low = [](Vector v) __attribute__((always_inline)) {
    return _mm_cvtps_pd(v.native);
  };
  const auto high = [](Vector v) __attribute__((always_inline)) {
    return _mm_cvtps_pd(_mm_movehl_ps(v.native, v.native));
  };
  const __m128d eight01 = _mm_add_pd(low(lanes[0]), low(lanes[2]));
  const __m128d eight23 = _mm_add_pd(high(lanes[0]), high(lanes[2]));
  const __m128d eight45 = _mm_add_pd(low(lanes[1]), low(lanes[3]));
  const __m128d eight67 = _mm_add_pd(high(lanes[1]), high(lanes[3]));
  return _mm_add_pd(_mm_add_pd(eight01, eight45), _mm_add_pd(eight23, eight67));
}
GANNO_INLINE double fold16(const Vector (&lanes)[4]) {
  const __m128d two = fold16_to_two(lanes);
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}
GANNO_INLINE void fold16x8(const Vector (&rows)[8][4], double* out) {
  for (int i = 0; i < 8; i += 2) {
    const __m128d even = fold16_to_two(rows[i]), odd = fold16_to_two(rows[i + 1]);
    _mm_storeu_pd(out + i, _mm_add_pd(_mm_unpacklo_pd(even, odd), _mm_unpackhi_pd(even, odd)));
  }
}

}  // namespace ganno::GANNO_TIER

#include "cpu/network/random.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace ganno {

namespace {

/// murmur3's finaliser: every input bit reaches every output bit.
std::uint32_t mix(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x85ebca6bu;
  x ^= x >> 13;
  x *= 0xc2b2ae35u;
  x ^= x >> 16;
  return x;
}

std::uint32_t scale_to(std::uint32_t x, std::uint32_t bound) {
  return static_cast<std::uint32_t>((static_cast<std::uint64_t>(x) * bound) >> 32);
}

/// Natural logarithm of a positive normal double by its own series (libm's differ between machines).
double natural_logarithm(double x) {
  const auto pattern = std::bit_cast<std::uint64_t>(x);
  int exponent = static_cast<int>(pattern >> 52) - 1022;
  double m = std::bit_cast<double>((pattern & 0x000fffffffffffffull) | 0x3fe0000000000000ull);  // [0.5, 1)
  if (m < 0.7071067811865476) {
    m *= 2;
    --exponent;
  }
  const double t = (m - 1) / (m + 1), t2 = t * t;
  double series = 0;
  for (int k = 21; k >= 1; k -= 2) series = series * t2 + 1.0 / k;  // atanh(t) / t
  return 2 * t * series + exponent * 0.6931471805599453;
}

}  // namespace

Permutation::Permutation(std::uint32_t seed, Stream stream, std::uint64_t sub, std::uint32_t size) : size_(size) {
  a_ = static_cast<std::uint32_t>(std::sqrt(static_cast<double>(size)));
  if (static_cast<std::uint64_t>(a_) * a_ < size) ++a_;
  b_ = (size + a_ - 1) / a_;
  for (int i = 0; i < 8; i += 4) {
    const PhiloxBlock block = random_block(seed, stream, static_cast<std::uint64_t>(i / 4), sub);
    for (int j = 0; j < 4; ++j) keys_[i + j] = block[static_cast<std::size_t>(j)];
  }
}

std::uint32_t Permutation::operator()(std::uint32_t index) const {
  do {
    std::uint32_t left = index / b_, right = index % b_;  // left < a, right < b
    for (int round = 0; round < kRounds; round += 2) {
      left += scale_to(mix(right ^ keys_[round]), a_);
      left = std::min(left, left - a_);  // the difference wraps where left < a: no branch to mispredict
      right += scale_to(mix(left ^ keys_[round + 1]), b_);
      right = std::min(right, right - b_);
    }
    index = left * b_ + right;
  } while (index >= size_);
  return index;
}

double normal_quantile(double u) {
  const double q = u - 0.5;
  if (std::fabs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * (((5.9109374720e1 * r + 1.5929113202e2) * r + 5.0434271938e1) * r + 3.3871327179e0) /
           (((6.7187563600e1 * r + 7.8757757664e1) * r + 1.7895169469e1) * r + 1.0);
  }
  double r = std::sqrt(-natural_logarithm(q < 0 ? u : 1 - u));
  double value;
  if (r <= 5) {
    r -= 1.6;
    value = (((1.7023821103e-1 * r + 1.3067284816e0) * r + 2.7568153900e0) * r + 1.4234372777e0) /
            ((1.2021132975e-1 * r + 7.3700164250e-1) * r + 1.0);
  } else {
    r -= 5;
    value = (((1.7337203997e-2 * r + 4.2868294337e-1) * r + 3.0812263860e0) * r + 6.6579051150e0) /
            ((1.2258202635e-2 * r + 2.4197894225e-1) * r + 1.0);
  }
  return q < 0 ? -value : value;
}

void initialize_weights(std::span<float> weights, Initializer initializer, std::int64_t fan_in, std::int64_t fan_out,
                        std::uint32_t seed, std::uint64_t layer) {
  const bool he = initializer == Initializer::kHeUniform || initializer == Initializer::kHeNormal;
  const bool uniform = initializer == Initializer::kHeUniform || initializer == Initializer::kXavierUniform;
  const double variance = 2.0 / static_cast<double>(he ? fan_in : fan_in + fan_out);
  const double scale = std::sqrt(uniform ? 3 * variance : variance);
  for (std::size_t i = 0; i < weights.size(); i += 4) {
    const PhiloxBlock block = random_block(seed, Stream::kInitialWeights, i / 4, layer);
    for (std::size_t j = 0; j < 4 && i + j < weights.size(); ++j) {
      // The middle of one of 2^24 cells: never 0 or 1, symmetric about 1/2.
      const double u = (static_cast<double>(block[j] >> 8) + 0.5) * 0x1p-24;
      weights[i + j] = static_cast<float>(scale * (uniform ? 2 * u - 1 : normal_quantile(u)));
    }
  }
}

}  // namespace ganno

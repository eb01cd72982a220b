#pragma once
// Initial weights: He or Xavier, uniform or normal (biases start at zero), as a pure function of (seed, layer,
// element). In a header because kernels of a GPU compile it too.
#include <bit>
#include <cmath>
#include <cstdint>

#include "core/network_spec.h"
#include "core/philox.h"

namespace ganno {

/// Natural logarithm of a positive normal double by its own series (libm's differ between machines).
constexpr double natural_logarithm(double x) {
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

/// The standard normal quantile of u in (0, 1), to about 1e-7 (Wichura 1988, algorithm AS 241, PPND7).
constexpr double normal_quantile(double u) {
  const double q = u - 0.5;
  if (q >= -0.425 && q <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * (((5.9109374720e1 * r + 1.5929113202e2) * r + 5.0434271938e1) * r + 3.3871327179e0) /
           (((6.7187563600e1 * r + 7.8757757664e1) * r + 1.7895169469e1) * r + 1.0);
  }
  double r = std::sqrt(-natural_logarithm(q < 0 ? u : 1 - u));
  double value = 0;
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

/// How an initialiser spreads a layer's weights.
struct InitialSpread {
  bool uniform = true;
  double scale = 0;  // uniform: the bound; normal: the standard deviation
};

inline InitialSpread initial_spread(Initializer initializer, std::int64_t fan_in, std::int64_t fan_out) {
  const bool he = initializer == Initializer::kHeUniform || initializer == Initializer::kHeNormal;
  const bool uniform = initializer == Initializer::kHeUniform || initializer == Initializer::kXavierUniform;
  const double variance = 2.0 / static_cast<double>(he ? fan_in : fan_in + fan_out);
  return {uniform, std::sqrt(uniform ? 3 * variance : variance)};
}

/// Weight `4 * block + j` of a layer.
struct InitialWeights {
  float values[4];
};
constexpr InitialWeights initial_weights(const InitialSpread& spread, std::uint32_t seed, std::uint64_t layer,
                                         std::uint64_t block) {
  const PhiloxBlock words = random_block(seed, Stream::kInitialWeights, block, layer);
  InitialWeights weights{};
  for (std::uint32_t j = 0; j < 4; ++j) {
    // The middle of one of 2^24 cells: never 0 or 1, symmetric about 1/2.
    const double u = (static_cast<double>(words[j] >> 8) + 0.5) * 0x1p-24;
    weights.values[j] = static_cast<float>(spread.scale * (spread.uniform ? 2 * u - 1 : normal_quantile(u)));
  }
  return weights;
}

}  // namespace ganno

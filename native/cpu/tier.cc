#include "cpu/tier.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace ganno {

std::string_view tier_name(Tier tier) {
  switch (tier) {
    case Tier::kAvx2:
      return "avx2";
    case Tier::kAvx512:
      return "avx512";
    case Tier::kBaseline:
      break;
  }
  return "baseline";
}

const std::vector<Tier>& available_tiers() {
  static const std::vector<Tier> tiers = [] {
    std::vector<Tier> found{Tier::kBaseline};
#if defined(GANNO_HAS_TIER_AVX2)
    // __builtin_cpu_supports also asks the operating system (XGETBV) whether the wide registers are saved.
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
      found.push_back(Tier::kAvx2);
    }
#endif
#if defined(GANNO_HAS_TIER_AVX512)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
      found.push_back(Tier::kAvx512);
    }
#endif
    return found;
  }();
  return tiers;
}

Tier tier_from_name(std::string_view name) {
  std::string runnable;
  for (const Tier tier : available_tiers()) {
    if (tier_name(tier) == name) return tier;
    runnable += (runnable.empty() ? "" : ", ") + std::string(tier_name(tier));
  }
  throw std::invalid_argument("GANNO_CPU_TIER is '" + std::string(name) +
                              "', which this machine cannot run; it can run: " + runnable);
}

Tier selected_tier() {
  static const Tier tier = [] {
    const char* forced = std::getenv("GANNO_CPU_TIER");
    return forced == nullptr || *forced == '\0' ? available_tiers().back() : tier_from_name(forced);
  }();
  return tier;
}

}  // namespace ganno

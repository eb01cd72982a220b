#pragma once
// Instruction-set tiers: every kernel is compiled once per tier from one source; the best one this CPU runs is chosen
// once per process. GANNO_CPU_TIER=baseline|avx2|avx512 forces one (tests run all of them on one machine).
#include <string_view>
#include <vector>

namespace ganno {

enum class Tier { kBaseline, kAvx2, kAvx512 };

std::string_view tier_name(Tier tier);

/// Tiers that are compiled in and that this CPU and operating system can run, ascending.
const std::vector<Tier>& available_tiers();

/// The tier in use. @throws std::invalid_argument when GANNO_CPU_TIER names one that is unknown or cannot run here.
Tier selected_tier();

/// The tier of that name. @throws std::invalid_argument as above.
Tier tier_from_name(std::string_view name);

// What kernels share by name: each tier that is compiled in has a namespace, see CMakeLists.txt.
#if defined(GANNO_HAS_TIER_AVX2)
#define GANNO_IF_AVX2(...) __VA_ARGS__
#else
#define GANNO_IF_AVX2(...)
#endif
#if defined(GANNO_HAS_TIER_AVX512)
#define GANNO_IF_AVX512(...) __VA_ARGS__
#else
#define GANNO_IF_AVX512(...)
#endif

/// Declarations, in every tier's namespace.
#define GANNO_IN_TIERS(...)                  \
  namespace baseline {                       \
  __VA_ARGS__                                \
  }                                          \
  GANNO_IF_AVX2(namespace avx2{__VA_ARGS__}) \
  GANNO_IF_AVX512(namespace avx512{__VA_ARGS__})

/// An expression that begins with a name of a tier's namespace: of the one that `tier` is.
#define GANNO_OF_TIER(tier, ...)                                                \
  ([&](Tier chosen) -> decltype(auto) {                                         \
    GANNO_IF_AVX512(if (chosen == Tier::kAvx512) return (avx512::__VA_ARGS__);) \
    GANNO_IF_AVX2(if (chosen == Tier::kAvx2) return (avx2::__VA_ARGS__);)       \
    return (baseline::__VA_ARGS__);                                             \
  }(tier))

}  // namespace ganno

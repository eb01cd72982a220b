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

}  // namespace ganno

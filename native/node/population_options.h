#pragma once
// Reading what a population is made from, and its arrays, at the N-API edge.
#include <cstdint>
#include <memory>
#include <vector>

#include "core/population.h"
#include "node/arguments.h"
#include "node/napi_setup.h"

namespace ganno::node {

inline constexpr std::int64_t kMaximumSteps = 10'000'000;

inline bool absent(Napi::Value value) {
  return value.IsNull() || value.IsUndefined();
}

inline float* floats(Napi::Value value, const char* name, std::size_t length) {
  return elements<float>(value, name, length).data();
}

inline float* optional_floats(Napi::Value value, const char* name, std::size_t length) {
  return absent(value) ? nullptr : floats(value, name, length);
}

inline std::uint32_t read_uint32(Napi::Value value, const char* name, std::int64_t low, std::int64_t high) {
  return static_cast<std::uint32_t>(integer(value, name, low, high));
}

/// Image numbers, copied and checked against the number of images.
std::vector<std::uint32_t> read_indices(Napi::Value value, const char* name, std::size_t images);
std::vector<std::uint32_t> read_seeds(Napi::Value value, std::size_t networks);
/// @param from NativePopulationOptions of binding.d.ts
/// @param views gets the views over shared memory that must outlive the population; each is read from `from` once,
/// which may answer differently the next time
/// @throws std::invalid_argument, std::bad_alloc
std::unique_ptr<PopulationEngine> open_population(const Napi::Object& from, Napi::Object views);

}  // namespace ganno::node

#pragma once
// Reading JavaScript arguments. src/ has checked them and says what is wrong in full sentences; these checks only make
// sure that no argument whatever can crash the process.
//
// Take typed-array views, never bare buffers, and never call .ArrayBuffer(): on Node 20 that fails for views over a
// SharedArrayBuffer. A detached view has length 0 and a null pointer. Asking for the data pointer moves a small array's
// elements off V8's heap for good, so the pointer stays valid until the buffer is detached.
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "node/napi_setup.h"

namespace ganno::node {

template <typename Element>
constexpr napi_typedarray_type typed_array_type() {
  if constexpr (std::is_same_v<Element, float>) return napi_float32_array;
  if constexpr (std::is_same_v<Element, double>) return napi_float64_array;
  if constexpr (std::is_same_v<Element, std::int32_t>) return napi_int32_array;
  if constexpr (std::is_same_v<Element, std::uint32_t>) return napi_uint32_array;
  if constexpr (std::is_same_v<Element, std::uint8_t>) return napi_uint8_array;
}

/// The elements of a typed array, over an ArrayBuffer or a SharedArrayBuffer. Valid for the duration of the call.
/// @throws std::invalid_argument when `value` is not a typed array of that element type.
template <typename Element>
std::span<Element> elements(Napi::Value value, const char* name) {
  napi_typedarray_type type;
  std::size_t length = 0;
  void* data = nullptr;
  // Says so where it is no typed array.
  if (napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr) != napi_ok ||
      type != typed_array_type<Element>()) {
    throw std::invalid_argument(std::string(name) + " is not a typed array of the expected type");
  }
  return {static_cast<Element*>(data), data == nullptr ? 0 : length};
}

/// As above, of exactly `length` elements. @throws std::invalid_argument also when the length differs.
template <typename Element>
std::span<Element> elements(Napi::Value value, const char* name, std::size_t length) {
  const std::span<Element> found = elements<Element>(value, name);
  if (found.size() != length) {
    throw std::invalid_argument("Expected " + std::to_string(length) + " elements for " + name + " but received " +
                                std::to_string(found.size()) + (found.empty() ? " (a detached buffer has none)" : ""));
  }
  return found;
}

inline double number(Napi::Value value, const char* name) {
  double found = 0;
  if (napi_get_value_double(value.Env(), value, &found) != napi_ok) {
    throw std::invalid_argument(std::string(name) + " is not a number");
  }
  return found;
}

/// @throws std::invalid_argument when not an integer in [low, high].
inline std::int64_t integer(Napi::Value value, const char* name, std::int64_t low, std::int64_t high) {
  const double found = number(value, name);
  if (!(found >= static_cast<double>(low) && found <= static_cast<double>(high)) ||
      found != static_cast<double>(static_cast<std::int64_t>(found))) {
    throw std::invalid_argument(std::string(name) + " is not an integer from " + std::to_string(low) + " to " +
                                std::to_string(high));
  }
  return static_cast<std::int64_t>(found);
}

inline Napi::Object object(Napi::Value value, const char* name) {
  if (!value.IsObject()) throw std::invalid_argument(std::string(name) + " is not an object");
  return value.As<Napi::Object>();
}

inline Napi::Array array(Napi::Value value, const char* name) {
  if (!value.IsArray()) throw std::invalid_argument(std::string(name) + " is not an array");
  return value.As<Napi::Array>();
}

}  // namespace ganno::node

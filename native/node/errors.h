#pragma once
// The N-API edge: C++ exceptions become JavaScript errors here, once. Every callback of the addon runs inside
// guarded().
#include <new>
#include <stdexcept>
#include <utility>

#include "core/error.h"
#include "node/napi_setup.h"

namespace ganno::node {

inline Napi::Error coded_error(Napi::Env env, const char* code, const char* message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Value().Set("code", Napi::String::New(env, code));
  return error;
}

/// Runs `body`; whatever it throws leaves as a Napi::Error with a `code` (src/errors.ts makes a GannoError of it).
template <typename Body>
auto guarded(Napi::Env env, Body&& body) -> decltype(body()) {
  try {
    return std::forward<Body>(body)();
  } catch (const Napi::Error&) {
    throw;
  } catch (const CodedError& error) {
    throw coded_error(env, error.code(), error.what());
  } catch (const std::invalid_argument& error) {
    throw coded_error(env, "INVALID_ARGUMENT", error.what());
  } catch (const std::bad_alloc&) {
    throw coded_error(env, "OUT_OF_MEMORY", "Not enough memory: use fewer or smaller networks or layers");
  } catch (const std::exception& error) {
    throw coded_error(env, "INTERNAL", error.what());
  }
}

}  // namespace ganno::node

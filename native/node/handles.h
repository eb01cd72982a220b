#pragma once
// What every native handle needs: a type tag, a place in the count of live handles, and its bytes reported to V8.
#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "node/napi_setup.h"

namespace ganno::node {

/// Handles in this process that hold native memory: made and neither disposed nor collected. Tests assert 0.
inline std::atomic<std::int64_t> live_handles{0};

/// What marks a LayerwisePlan, so that an argument is unwrapped only where it is one (unwrap below). The lower half was
/// made with `uuidgen`; the upper is an address, so that another addon's plan, of another layout perhaps, has another
/// tag.
inline napi_type_tag layerwise_plan_tag() {
  return {0x7b0f4c0f5d8a4e0bull, reinterpret_cast<std::uintptr_t>(&live_handles)};
}

/// The instance behind an argument. @throws std::invalid_argument when it is not one of Class.
template <typename Class>
Class& unwrap(Napi::Value value, const napi_type_tag& tag, const char* name) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&tag)) {
    throw std::invalid_argument(std::string(name) + " is not a handle of the expected class");
  }
  return *Class::Unwrap(value.As<Napi::Object>());
}

/// Counts a live handle and tells V8 how many bytes it keeps, so that garbage collection feels them; both exactly once,
/// undone by release() or the destructor. Finalizers run only when the event loop turns: dispose() is the reliable way.
class HandleResources {
 public:
  HandleResources() = default;
  HandleResources(Napi::Env env, std::int64_t bytes) : env_(env), bytes_(bytes), held_(true) {
    live_handles.fetch_add(1, std::memory_order_relaxed);
    Napi::MemoryManagement::AdjustExternalMemory(env_, bytes_);
  }
  ~HandleResources() { release(); }
  HandleResources(const HandleResources&) = delete;
  HandleResources& operator=(const HandleResources&) = delete;
  HandleResources& operator=(HandleResources&& other) noexcept {
    release();
    env_ = other.env_;
    bytes_ = other.bytes_;
    held_ = std::exchange(other.held_, false);
    return *this;
  }

  void release() noexcept {
    if (!std::exchange(held_, false)) return;
    live_handles.fetch_sub(1, std::memory_order_relaxed);
    std::int64_t ignored;
    napi_adjust_external_memory(env_, -bytes_, &ignored);  // unchecked: the environment may be going away
  }

 private:
  napi_env env_ = nullptr;
  std::int64_t bytes_ = 0;
  bool held_ = false;
};

}  // namespace ganno::node

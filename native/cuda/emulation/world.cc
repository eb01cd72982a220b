#include "cuda/emulation/world.h"

#include "cuda/emulation/calls.h"

namespace ganno::cuda::emulation {

World& world() {
  static auto* instance = new World;  // never destroyed: threads may outlive static destructors
  return *instance;
}

void record_call(World& w, std::string_view signature) {
  constexpr std::size_t kMost = 65536;
  if (w.calls.size() == kMost) return;
  signature = signature.substr(0, signature.find('('));
  signature.remove_prefix(signature.find_last_of(" :") + 1);
  w.calls.emplace_back(signature == "enqueue_kernel" ? "launch" : signature);
}

std::vector<std::string> recorded_calls() {
  const std::lock_guard lock(world().mutex);
  return world().calls;
}

}  // namespace ganno::cuda::emulation

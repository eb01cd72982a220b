#include "cuda/emulation/attach.h"

#include <dlfcn.h>

#include <cstring>
#include <utility>

#include "cuda/emulation/world.h"

namespace ganno::cuda::emulation {

namespace {

cudaError_t library(cudaStream_t stream, std::function<void()> run) {
  return call([&](World& w) { return enqueue(w, stream, std::move(run)); });
}

}  // namespace

void* open_library(const char* name) {
  void* opened = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (opened == nullptr) return nullptr;
  void* symbol = dlsym(opened, "ganno_attach");
  if (symbol == nullptr) {
    dlclose(opened);  // a real one would follow pointers to a GPU
    return nullptr;
  }
  Attach attach = nullptr;
  std::memcpy(&attach, &symbol, sizeof symbol);
  attach({library});
  return opened;
}

}  // namespace ganno::cuda::emulation

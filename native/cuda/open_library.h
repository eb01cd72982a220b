#pragma once
// Libraries found at run time. The emulation takes only those that work on its memory.
#include <dlfcn.h>

#if defined(GANNO_CUDA_EMULATED)
#include "cuda/emulation/attach.h"
#endif

namespace ganno::cuda {

/// @returns null where it cannot be loaded; dlerror() may say why
inline void* open_library(const char* name) {
#if defined(GANNO_CUDA_EMULATED)
  return emulation::open_library(name);
#else
  return dlopen(name, RTLD_NOW | RTLD_LOCAL);
#endif
}

}  // namespace ganno::cuda

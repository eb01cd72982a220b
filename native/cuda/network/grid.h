#pragma once
// Launches with their error checked.
#include <cstdint>
#include <utility>

#include "cuda/device.h"

namespace ganno::cuda {

constexpr unsigned blocks_for(std::uint64_t threads, unsigned threads_per_block) {
  return static_cast<unsigned>((threads + threads_per_block - 1) / threads_per_block);
}

template <class... Parameters, class... Arguments>
void launch_checked(const Stream& stream, dim3 grid, unsigned threads, void (*kernel)(Parameters...),
                    Arguments&&... arguments) {
  check(launch({grid, dim3(threads), 0, stream.get()}, kernel, std::forward<Arguments>(arguments)...),
        "Launching a kernel");
}

}  // namespace ganno::cuda

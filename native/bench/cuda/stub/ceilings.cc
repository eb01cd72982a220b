// For a build without nvcc.
#include "bench/cuda/ceilings.h"

#include "cuda/devices.h"

namespace ganno::cuda {

double measure_device_copy(int device, std::uint64_t, std::uint32_t) {
  require_device(device);
  return 0;
}

DeviceFmaRun measure_device_fma(int device, std::uint32_t) {
  require_device(device);
  return {};
}

}  // namespace ganno::cuda

#include "cuda/devices.h"

#include "core/error.h"
#include "cuda/device.h"

namespace ganno::cuda {

namespace {

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

/// What the failure of the first call means: cudart says "insufficient driver" where there is none at all, too.
std::string explain(cudaError_t error, const Devices& found) {
  if (found.driver_version == 0) {
    return "no NVIDIA driver is installed (libcuda.so.1 was not found): install the driver; in a container, start it "
           "with "
           "access to the GPUs";
  }
  if (error == cudaErrorInsufficientDriver) {
    return "the NVIDIA driver is too old: it supports CUDA " + version_text(found.driver_version) +
           ", and this build needs " + version_text(found.runtime_version) +
           ": install a newer driver, or build ganno with an older CUDA toolkit";
  }
  if (error == cudaErrorNoDevice) {
    return "the NVIDIA driver is there, but no GPU is visible to this process: see what nvidia-smi lists, and whether "
           "CUDA_VISIBLE_DEVICES hides it";
  }
  return std::string("the NVIDIA driver failed: ") + cudaGetErrorString(error) + " (" + cudaGetErrorName(error) + ")";
}

}  // namespace

Devices find_devices() {
  Devices found;
  cudaRuntimeGetVersion(&found.runtime_version);
  if (cudaDriverGetVersion(&found.driver_version) != cudaSuccess) found.driver_version = 0;
  int count = 0;
  cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count == 0) error = cudaErrorNoDevice;
  for (int device = 0; error == cudaSuccess && device < count; ++device) {
    cudaDeviceProp properties;
    error = cudaGetDeviceProperties(&properties, device);
    if (error != cudaSuccess) break;
    DeviceDescription description{properties.name,  properties.totalGlobalMem, 0, properties.multiProcessorCount,
                                  properties.major, properties.minor};
    try {
      const DeviceScope scope(device);
      std::size_t free = 0, total = 0;
      error = cudaMemGetInfo(&free, &total);
      description.free_memory = free;
    } catch (const CodedError&) {
      error = cudaGetLastError();  // another process has the device for itself: its free memory stays unknown
    }
    found.devices.push_back(description);
  }
  if (error != cudaSuccess) {
    cudaGetLastError();
    found.devices.clear();
    found.reason = explain(error, found);
  }
  return found;
}

void require_device(int device) {
  const Devices found = find_devices();
  if (device >= 0 && static_cast<std::size_t>(device) < found.devices.size()) return;
  const std::string name = "'cuda:" + std::to_string(device) + "' cannot be used: ";
  if (found.devices.empty()) throw CodedError("CUDA_UNAVAILABLE", name + found.reason + ". Or use device 'cpu'");
  throw CodedError("CUDA_UNAVAILABLE",
                   name + "there are " + std::to_string(found.devices.size()) + " CUDA devices, numbered from 0");
}

}  // namespace ganno::cuda

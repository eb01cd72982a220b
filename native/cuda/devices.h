#pragma once
// Which CUDA devices there are, and why there are none. No CUDA header is needed to ask.
#include <cstdint>
#include <string>
#include <vector>

namespace ganno::cuda {

struct DeviceDescription {
  std::string name;
  std::uint64_t memory = 0;       // bytes
  std::uint64_t free_memory = 0;  // bytes, at the time of asking
  int multiprocessors = 0;
  int major = 0;  // compute capability
  int minor = 0;
};

struct Devices {
  std::vector<DeviceDescription> devices;
  std::string reason;       // why there are none, and what to do; empty otherwise
  int driver_version = 0;   // 1000 x major + 10 x minor of the newest CUDA it runs; 0: no driver
  int runtime_version = 0;  // of the CUDA this addon was built with; 0: without
};

/// Asks the driver, which takes its time at the first call in a process.
Devices find_devices();

/// What large dense products of precision 'tf32' are multiplied with.
struct CublasLibrary {
  std::string name;    // as it was found; empty: there is none, and ganno's own kernels do it
  std::string reason;  // why there is none
};
/// Looks for it at the first call in a process: where GANNO_CUBLAS says, else by its usual names; 'off' is none.
CublasLibrary cublas_library();

/// @throws CodedError CUDA_UNAVAILABLE with the reason, or naming the devices there are
void require_device(int device);

}  // namespace ganno::cuda

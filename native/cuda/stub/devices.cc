// For a build without nvcc.
#include "cuda/devices.h"

#include "core/error.h"

namespace ganno::cuda {

Devices find_devices() {
  Devices found;
  found.reason =
      "this build has no CUDA back end: no nvcc was found when it was built. Install the CUDA toolkit, put nvcc on the "
      "PATH and build again";
  return found;
}

CublasLibrary cublas_library() {
  return {"", "this build has no CUDA back end"};
}

void require_device(int device) {
  throw CodedError("CUDA_UNAVAILABLE", "'cuda:" + std::to_string(device) +
                                           "' cannot be used: " + find_devices().reason + ". Or use device 'cpu'");
}

}  // namespace ganno::cuda

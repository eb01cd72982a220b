// The step's kernels that take denormals for zero: this file is compiled with -ftz=true (CMakeLists.txt).
#include "cuda/step/step_launches.cuh"

namespace ganno::cuda {

const StepLaunches kLaunchesFlushingDenormals = all_launches<true>();

}  // namespace ganno::cuda

// The step's kernels that keep denormals.
#include "cuda/step/step_launches.cuh"

namespace ganno::cuda {

const StepLaunches kLaunchesKeepingDenormals = all_launches<false>();

}  // namespace ganno::cuda

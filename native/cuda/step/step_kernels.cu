// The step's kernels, one for each rule, with statistics and without.
#include "cuda/step/step_kernels.h"

#include "cuda/step/measure_kernel.cuh"
#include "cuda/step/step_kernel.cuh"

namespace ganno::cuda {

namespace {

Launch one_warp_an_item(const StepArguments& arguments, cudaStream_t stream) {
  const std::uint32_t blocks = (arguments.item_count + kWarpsPerBlock - 1) / kWarpsPerBlock;
  return {dim3(blocks), dim3(kWarpsPerBlock * kWarpSize), 0, stream};
}

template <class Rule, Algorithm kAlgorithm>
cudaError_t launch_rule(const StepArguments& arguments, bool statistics, cudaStream_t stream) {
  const Launch where = one_warp_an_item(arguments, stream);
  return statistics ? launch(where, step_kernel<Rule, kAlgorithm, true>, arguments)
                    : launch(where, step_kernel<Rule, kAlgorithm, false>, arguments);
}

}  // namespace

cudaError_t launch_step(const StepArguments& arguments, bool statistics, cudaStream_t stream) {
  switch (arguments.algorithm) {
    case Algorithm::kSgd:
      break;
    case Algorithm::kMomentum:
      return launch_rule<cuda_scalar::Momentum<false>, Algorithm::kMomentum>(arguments, statistics, stream);
    case Algorithm::kNesterov:
      return launch_rule<cuda_scalar::Momentum<true>, Algorithm::kNesterov>(arguments, statistics, stream);
    case Algorithm::kRmsProp:
      return launch_rule<cuda_scalar::RmsProp, Algorithm::kRmsProp>(arguments, statistics, stream);
    case Algorithm::kAdam:
      return launch_rule<cuda_scalar::Adam<false>, Algorithm::kAdam>(arguments, statistics, stream);
    case Algorithm::kAdamW:
      return launch_rule<cuda_scalar::Adam<true>, Algorithm::kAdamW>(arguments, statistics, stream);
    case Algorithm::kLion:
      return launch_rule<cuda_scalar::Lion, Algorithm::kLion>(arguments, statistics, stream);
    case Algorithm::kLars:
      return launch_rule<cuda_scalar::Lars, Algorithm::kLars>(arguments, statistics, stream);
    case Algorithm::kLamb:
      return launch_rule<cuda_scalar::Lamb, Algorithm::kLamb>(arguments, statistics, stream);
  }
  return launch_rule<cuda_scalar::Sgd, Algorithm::kSgd>(arguments, statistics, stream);
}

cudaError_t launch_count_non_finite(const StepArguments& arguments, cudaStream_t stream) {
  return launch(one_warp_an_item(arguments, stream), count_kernel, arguments);
}

cudaError_t launch_prepare(const StepArguments& arguments, cudaStream_t stream) {
  return launch({dim3(1), dim3(256), 0, stream}, prepare_kernel, arguments);
}

cudaError_t launch_measure_gradients(const StepArguments& arguments, cudaStream_t stream) {
  return launch(one_warp_an_item(arguments, stream), measure_kernel<cuda_scalar::Gradient, false>, arguments,
                arguments.clip.global == 0);
}

cudaError_t launch_clip_globally(const StepArguments& arguments, cudaStream_t stream) {
  return launch({dim3(1), dim3(kWarpSize), 0, stream}, clip_globally_kernel, arguments);
}

cudaError_t launch_measure_trust(const StepArguments& arguments, cudaStream_t stream) {
  const Launch where = one_warp_an_item(arguments, stream);
  return arguments.algorithm == Algorithm::kLars
             ? launch(where, measure_kernel<cuda_scalar::Trust<cuda_scalar::Lars>, true>, arguments, false)
             : launch(where, measure_kernel<cuda_scalar::Trust<cuda_scalar::Lamb>, true>, arguments, false);
}

}  // namespace ganno::cuda

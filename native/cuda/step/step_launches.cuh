#pragma once
// The step's kernels, one for each rule, with statistics and without, and their launches. Compiled twice:
// step_kernels.cu keeps denormals, step_kernels_flush.cu takes them for zero, which is a flag of the compiler (-ftz).
#include "cuda/step/measure_kernel.cuh"
#include "cuda/step/step_kernel.cuh"
#include "cuda/step/step_kernels.h"

namespace ganno::cuda {
namespace {

template <bool kFlushDenormals>
Launch one_warp_an_item(const StepArguments& arguments, cudaStream_t stream) {
  const std::uint32_t blocks = (arguments.item_count + kWarpsPerBlock - 1) / kWarpsPerBlock;
  return {dim3(blocks), dim3(kWarpsPerBlock * kWarpSize), 0, stream, kFlushDenormals};
}

template <bool kFlushDenormals, class Rule, Algorithm kAlgorithm>
cudaError_t launch_rule(const StepArguments& arguments, bool statistics, cudaStream_t stream) {
  const Launch where = one_warp_an_item<kFlushDenormals>(arguments, stream);
  return statistics ? launch(where, step_kernel<Rule, kAlgorithm, true>, arguments)
                    : launch(where, step_kernel<Rule, kAlgorithm, false>, arguments);
}

/// Rules that lerp.
template <bool kFlushDenormals, cuda_scalar::LerpFrom kFrom>
cudaError_t queue_mean_kernel(const StepArguments& arguments, bool statistics, cudaStream_t stream) {
  using namespace cuda_scalar;
  switch (arguments.algorithm) {
    case Algorithm::kAdamW:
      return launch_rule<kFlushDenormals, Adam<true, kFrom>, Algorithm::kAdamW>(arguments, statistics, stream);
    case Algorithm::kLamb:
      return launch_rule<kFlushDenormals, Lamb<kFrom>, Algorithm::kLamb>(arguments, statistics, stream);
    default:
      return launch_rule<kFlushDenormals, Adam<false, kFrom>, Algorithm::kAdam>(arguments, statistics, stream);
  }
}

template <bool kFlushDenormals>
cudaError_t queue_step_kernel(const StepArguments& arguments, bool statistics, cudaStream_t stream) {
  using namespace cuda_scalar;
  switch (arguments.algorithm) {
    case Algorithm::kSgd:
      break;
    case Algorithm::kMomentum:
      return launch_rule<kFlushDenormals, Momentum<false>, Algorithm::kMomentum>(arguments, statistics, stream);
    case Algorithm::kNesterov:
      return launch_rule<kFlushDenormals, Momentum<true>, Algorithm::kNesterov>(arguments, statistics, stream);
    case Algorithm::kRmsProp:
      return launch_rule<kFlushDenormals, RmsProp, Algorithm::kRmsProp>(arguments, statistics, stream);
    case Algorithm::kLion:
      return launch_rule<kFlushDenormals, Lion, Algorithm::kLion>(arguments, statistics, stream);
    case Algorithm::kLars:
      return launch_rule<kFlushDenormals, Lars, Algorithm::kLars>(arguments, statistics, stream);
    case Algorithm::kAdam:
    case Algorithm::kAdamW:
    case Algorithm::kLamb:
      return rules::lerps_from_gradient(arguments.hyperparameters)
                 ? queue_mean_kernel<kFlushDenormals, LerpFrom::kGradient>(arguments, statistics, stream)
                 : queue_mean_kernel<kFlushDenormals, LerpFrom::kMoment>(arguments, statistics, stream);
  }
  return launch_rule<kFlushDenormals, Sgd, Algorithm::kSgd>(arguments, statistics, stream);
}

template <bool kFlushDenormals>
cudaError_t queue_count_non_finite_kernel(const StepArguments& arguments, cudaStream_t stream) {
  return launch(one_warp_an_item<kFlushDenormals>(arguments, stream), count_kernel, arguments);
}

template <bool kFlushDenormals>
cudaError_t queue_prepare_kernel(const StepArguments& arguments, cudaStream_t stream) {
  return launch({dim3(1), dim3(256), 0, stream, kFlushDenormals}, prepare_kernel, arguments);
}

template <bool kFlushDenormals>
cudaError_t queue_measure_gradients_kernel(const StepArguments& arguments, cudaStream_t stream) {
  return launch(one_warp_an_item<kFlushDenormals>(arguments, stream), measure_kernel<cuda_scalar::Gradient, false>,
                arguments, arguments.clip.global == 0);
}

template <bool kFlushDenormals>
cudaError_t queue_clip_globally_kernel(const StepArguments& arguments, cudaStream_t stream) {
  return launch({dim3(1), dim3(kWarpSize), 0, stream, kFlushDenormals}, clip_globally_kernel, arguments);
}

template <bool kFlushDenormals>
cudaError_t queue_measure_trust_kernel(const StepArguments& arguments, cudaStream_t stream) {
  const Launch where = one_warp_an_item<kFlushDenormals>(arguments, stream);
  using namespace cuda_scalar;
  if (arguments.algorithm == Algorithm::kLars) {
    return launch(where, measure_kernel<Trust<Lars>, true>, arguments, false);
  }
  return rules::lerps_from_gradient(arguments.hyperparameters)
             ? launch(where, measure_kernel<Trust<Lamb<LerpFrom::kGradient>>, true>, arguments, false)
             : launch(where, measure_kernel<Trust<Lamb<LerpFrom::kMoment>>, true>, arguments, false);
}

template <bool kFlushDenormals>
constexpr StepLaunches all_launches() {
  return {queue_step_kernel<kFlushDenormals>,          queue_count_non_finite_kernel<kFlushDenormals>,
          queue_prepare_kernel<kFlushDenormals>,       queue_measure_gradients_kernel<kFlushDenormals>,
          queue_clip_globally_kernel<kFlushDenormals>, queue_measure_trust_kernel<kFlushDenormals>};
}

}  // namespace
}  // namespace ganno::cuda

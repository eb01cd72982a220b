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

template <bool kFlushDenormals>
cudaError_t queue_step_kernel(const StepArguments& arguments, bool statistics, cudaStream_t stream) {
  const Launch where = one_warp_an_item<kFlushDenormals>(arguments, stream);
  return cuda_scalar::with_rule(arguments.algorithm, rules::lerps_from_gradient(arguments.hyperparameters),
                                [&]<class Rule>() {
                                  return statistics ? launch(where, step_kernel<Rule, true>, arguments)
                                                    : launch(where, step_kernel<Rule, false>, arguments);
                                });
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
  return cuda_scalar::with_rule(
      arguments.algorithm, rules::lerps_from_gradient(arguments.hyperparameters), [&]<class Rule>() {
        if constexpr (rule_traits(Rule::kAlgorithm).trust_ratio) {
          return launch(where, measure_kernel<cuda_scalar::Trust<Rule>, true>, arguments, false);
        } else {
          return cudaErrorInvalidValue;
        }
      });
}

template <bool kFlushDenormals>
constexpr StepLaunches all_launches() {
  return {queue_step_kernel<kFlushDenormals>,          queue_count_non_finite_kernel<kFlushDenormals>,
          queue_prepare_kernel<kFlushDenormals>,       queue_measure_gradients_kernel<kFlushDenormals>,
          queue_clip_globally_kernel<kFlushDenormals>, queue_measure_trust_kernel<kFlushDenormals>};
}

}  // namespace
}  // namespace ganno::cuda

#pragma once
// The scalars of a layer's step (core/optimizer_rule.h says what they are), for the CPU and for CUDA kernels:
// constexpr, because nvcc compiles such functions for the device too.
#include <cmath>

#include "core/optimizer_rule.h"

namespace ganno::rules {

constexpr double smaller(double a, double b) {
  return b < a ? b : a;
}

// An infinite scalar would make a NaN of a 0, in the padding of a last vector too, where it would be counted.
constexpr double kLargestFloat = 0x1.fffffep127;

constexpr float finite_float(double value) {
  return static_cast<float>(smaller(value < -kLargestFloat ? -kLargestFloat : value, kLargestFloat));
}

/// By repeated squaring: the same bits on every machine, which libm's pow does not promise.
constexpr double power(double base, std::uint64_t exponent) {
  double result = 1;
  for (; exponent != 0; exponent >>= 1, base *= base) {
    if (exponent & 1) result *= base;
  }
  return result;
}

constexpr BiasCorrections bias_corrections(const Hyperparameters& hyperparameters, std::uint64_t step) {
  if (step == 0) return {};
  return {step, 1 - power(hyperparameters.beta1, step), 1 - power(hyperparameters.beta2, step)};
}

constexpr StepScalars step_scalars(Algorithm algorithm, const Hyperparameters& hyperparameters,
                                   const BiasCorrections& corrections, double learning_rate, double weight_decay,
                                   double momentum, float inverse_scale) {
  StepScalars scalars;
  scalars.learning_rate = finite_float(learning_rate);
  scalars.weight_decay = finite_float(weight_decay);
  scalars.momentum = finite_float(momentum);
  scalars.epsilon = finite_float(hyperparameters.epsilon);
  scalars.inverse_scale = inverse_scale;
  if (algorithm == Algorithm::kRmsProp) {
    scalars.beta2 = static_cast<float>(hyperparameters.rho);
    scalars.one_minus_beta2 = static_cast<float>(1 - hyperparameters.rho);
  }
  if (algorithm == Algorithm::kAdam || algorithm == Algorithm::kAdamW) {
    scalars.one_minus_beta1 = static_cast<float>(1 - hyperparameters.beta1);
    scalars.beta2 = static_cast<float>(hyperparameters.beta2);
    scalars.one_minus_beta2 = static_cast<float>(1 - hyperparameters.beta2);
    scalars.step_size = finite_float(learning_rate / corrections.correction1);
    scalars.inverse_sqrt_correction2 = static_cast<float>(1 / std::sqrt(corrections.correction2));
    scalars.moment_correction = 1 / corrections.correction1;
  }
  if (algorithm == Algorithm::kAdamW) {
    scalars.decay_factor = finite_float(1 - learning_rate * weight_decay);
    scalars.weight_decay = 0;
  }
  if (algorithm == Algorithm::kLamb) {
    scalars.one_minus_beta1 = static_cast<float>(1 - hyperparameters.beta1);
    scalars.beta2 = static_cast<float>(hyperparameters.beta2);
    scalars.one_minus_beta2 = static_cast<float>(1 - hyperparameters.beta2);
    scalars.step_size = scalars.learning_rate;
    scalars.inverse_correction1 = static_cast<float>(1 / corrections.correction1);
    scalars.inverse_sqrt_correction2 = static_cast<float>(1 / std::sqrt(corrections.correction2));
    scalars.moment_correction = 1 / corrections.correction1;
  }
  if (algorithm == Algorithm::kLion) {
    scalars.beta1 = static_cast<float>(hyperparameters.beta1);
    scalars.one_minus_beta1 = static_cast<float>(1 - hyperparameters.beta1);
    scalars.beta2 = static_cast<float>(hyperparameters.beta2);
    scalars.one_minus_beta2 = static_cast<float>(1 - hyperparameters.beta2);
    scalars.decay_factor = finite_float(1 - learning_rate * weight_decay);
    scalars.weight_decay = 0;
  }
  return scalars;
}

constexpr double clip_coefficient(double norm, double maximum) {
  return smaller(1.0, maximum / (norm + 1e-6));
}

constexpr void apply_trust_ratio(Algorithm algorithm, const Hyperparameters& hyperparameters, double learning_rate,
                                 double weight_decay, double parameter_norm, double direction_norm,
                                 StepScalars& scalars) {
  const bool lars = algorithm == Algorithm::kLars;
  double trust = 1;
  if (parameter_norm > 0 && direction_norm > 0) {
    trust = lars ? hyperparameters.trust_coefficient * parameter_norm /
                       (direction_norm + weight_decay * parameter_norm + hyperparameters.epsilon)
                 : parameter_norm / direction_norm;
  }
  if (lars) {
    scalars.trust = finite_float(trust);
  } else {
    scalars.step_size = finite_float(learning_rate * trust);
  }
}

}  // namespace ganno::rules

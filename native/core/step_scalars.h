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

/// Whether lerp() of core/step_rules.h starts from the gradient.
constexpr bool lerps_from_gradient(const Hyperparameters& hyperparameters) {
  return hyperparameters.beta1 <= 0.5;
}

/// @param step 1 for the first step of an array
constexpr BiasCorrections bias_corrections(const Hyperparameters& hyperparameters, std::uint64_t step) {
  if (step == 0) return {};
  // Powers by repeated squaring: the same bits on every machine, which libm's pow does not promise. Both in one loop,
  // whose products overlap: in two they took up to half of a call that steps small layers (measured).
  double power1 = 1, power2 = 1;
  double square1 = hyperparameters.beta1, square2 = hyperparameters.beta2;
  for (std::uint64_t rest = step; rest != 0; rest >>= 1, square1 *= square1, square2 *= square2) {
    if ((rest & 1) == 0) continue;
    power1 *= square1;
    power2 *= square2;
  }
  const double correction1 = 1 - power1;
  const double correction2 = 1 - power2;
  return {step, correction1, 1 / correction1, static_cast<float>(1 / std::sqrt(correction2))};
}

/// Writes what depends on the step counter.
constexpr void correct_scalars(StepScalars& scalars, Algorithm algorithm, const BiasCorrections& corrections,
                               double learning_rate) {
  if (algorithm == Algorithm::kLamb) {
    scalars.step_size = scalars.learning_rate;
    scalars.inverse_correction1 = static_cast<float>(corrections.inverse_correction1);
  } else {
    scalars.step_size = finite_float(learning_rate / corrections.correction1);
  }
  scalars.inverse_sqrt_correction2 = corrections.inverse_sqrt_correction2;
  scalars.moment_correction = corrections.inverse_correction1;
}

/// Writes every field that depends on the rule, the layer or the step, where it is; `clip`, `trust`, `store` and
/// `propagate` get their defaults.
constexpr void write_step_scalars(StepScalars& scalars, Algorithm algorithm, const Hyperparameters& hyperparameters,
                                  const BiasCorrections& corrections, double learning_rate, double weight_decay,
                                  double momentum, float inverse_scale) {
  scalars = StepScalars{};
  const RuleTraits traits = rule_traits(algorithm);
  scalars.learning_rate = finite_float(learning_rate);
  scalars.momentum = finite_float(momentum);
  scalars.epsilon = finite_float(hyperparameters.epsilon);
  scalars.inverse_scale = inverse_scale;
  scalars.weight_decay = traits.decay_factor ? 0 : finite_float(weight_decay);
  if (traits.decay_factor) scalars.decay_factor = finite_float(1 - learning_rate * weight_decay);
  const double beta2 = algorithm == Algorithm::kRmsProp ? hyperparameters.rho : hyperparameters.beta2;
  scalars.beta1 = static_cast<float>(hyperparameters.beta1);
  scalars.one_minus_beta1 = static_cast<float>(1 - hyperparameters.beta1);
  scalars.beta2 = static_cast<float>(beta2);
  scalars.one_minus_beta2 = static_cast<float>(1 - beta2);
  if (!traits.corrects_bias) return;
  correct_scalars(scalars, algorithm, corrections, learning_rate);
  scalars.lerp_weight =
      static_cast<float>(lerps_from_gradient(hyperparameters) ? -hyperparameters.beta1 : 1 - hyperparameters.beta1);
}

constexpr StepScalars step_scalars(Algorithm algorithm, const Hyperparameters& hyperparameters,
                                   const BiasCorrections& corrections, double learning_rate, double weight_decay,
                                   double momentum, float inverse_scale) {
  StepScalars scalars;
  write_step_scalars(scalars, algorithm, hyperparameters, corrections, learning_rate, weight_decay, momentum,
                     inverse_scale);
  return scalars;
}

/// What a gradient of this norm is multiplied by so that its norm is at most `maximum`: min(1, maximum / (norm +
/// 1e-6)), as torch.nn.utils.clip_grad_norm_ does.
constexpr double clip_coefficient(double norm, double maximum) {
  return smaller(1.0, maximum / (norm + 1e-6));
}

/// Makes a layer's scalars those of its trust ratio. `direction_norm` is of the clipped gradient (lars) or of LAMB's r.
/// The ratio is 1 where either norm is 0. lars: c |p| / (|g| + wd |p| + eps); lamb: |p| / |r|.
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

#include "core/optimizer_rule.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace ganno {

namespace {

constexpr std::array<std::string_view, kAlgorithmCount> kNames = {"sgd",   "momentum", "nesterov", "rmsprop", "adam",
                                                                  "adamw", "lion",     "lars",     "lamb"};

// An infinite scalar would make a NaN of a 0, in the padding of a last vector too, where it would be counted.
constexpr double kLargestFloat = 0x1.fffffep127;

float finite_float(double value) {
  return static_cast<float>(std::clamp(value, -kLargestFloat, kLargestFloat));
}

/// By repeated squaring: the same bits on every machine, which libm's pow does not promise.
double power(double base, std::uint64_t exponent) {
  double result = 1;
  for (; exponent != 0; exponent >>= 1, base *= base) {
    if (exponent & 1) result *= base;
  }
  return result;
}

}  // namespace

std::optional<Algorithm> algorithm_from_name(std::string_view name) {
  for (std::uint32_t i = 0; i < kAlgorithmCount; ++i) {
    if (kNames[i] == name) return static_cast<Algorithm>(i);
  }
  return std::nullopt;
}

std::string_view algorithm_name(Algorithm algorithm) {
  return kNames[static_cast<std::uint32_t>(algorithm)];
}

int moment_count(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kSgd:
      return 0;
    case Algorithm::kMomentum:
    case Algorithm::kNesterov:
    case Algorithm::kRmsProp:
    case Algorithm::kLion:
    case Algorithm::kLars:
      return 1;
    case Algorithm::kAdam:
    case Algorithm::kAdamW:
    case Algorithm::kLamb:
      break;
  }
  return 2;
}

bool keeps_first_moment(Algorithm algorithm) {
  return algorithm != Algorithm::kSgd && algorithm != Algorithm::kRmsProp;
}

bool has_trust_ratio(Algorithm algorithm) {
  return algorithm == Algorithm::kLars || algorithm == Algorithm::kLamb;
}

BiasCorrections bias_corrections(const Hyperparameters& hyperparameters, std::uint64_t step) {
  if (step == 0) return {};
  return {step, 1 - power(hyperparameters.beta1, step), 1 - power(hyperparameters.beta2, step)};
}

StepScalars step_scalars(Algorithm algorithm, const Hyperparameters& hyperparameters, double learning_rate,
                         double weight_decay, double momentum, std::uint64_t step, float inverse_scale) {
  return step_scalars(algorithm, hyperparameters, bias_corrections(hyperparameters, step), learning_rate, weight_decay,
                      momentum, inverse_scale);
}

StepScalars step_scalars(Algorithm algorithm, const Hyperparameters& hyperparameters,
                         const BiasCorrections& corrections, double learning_rate, double weight_decay, double momentum,
                         float inverse_scale) {
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

double clip_coefficient(double norm, double maximum) {
  return std::min(1.0, maximum / (norm + 1e-6));
}

void apply_trust_ratio(Algorithm algorithm, const Hyperparameters& hyperparameters, double learning_rate,
                       double weight_decay, double parameter_norm, double direction_norm, StepScalars& scalars) {
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

}  // namespace ganno

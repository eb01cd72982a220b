#include "core/optimizer_rule.h"

#include <array>

#include "core/step_scalars.h"

namespace ganno {

namespace {

constexpr std::array<std::string_view, kAlgorithmCount> kNames = {"sgd",   "momentum", "nesterov", "rmsprop", "adam",
                                                                  "adamw", "lion",     "lars",     "lamb"};

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

bool corrects_bias(Algorithm algorithm) {
  return rules::corrects_bias(algorithm);
}

bool has_trust_ratio(Algorithm algorithm) {
  return algorithm == Algorithm::kLars || algorithm == Algorithm::kLamb;
}

bool lerps_from_gradient(Algorithm algorithm, const Hyperparameters& hyperparameters) {
  return corrects_bias(algorithm) && rules::lerps_from_gradient(hyperparameters);
}

BiasCorrections bias_corrections(const Hyperparameters& hyperparameters, std::uint64_t step) {
  return rules::bias_corrections(hyperparameters, step);
}

StepScalars step_scalars(Algorithm algorithm, const Hyperparameters& hyperparameters, double learning_rate,
                         double weight_decay, double momentum, std::uint64_t step, float inverse_scale) {
  return step_scalars(algorithm, hyperparameters, bias_corrections(hyperparameters, step), learning_rate, weight_decay,
                      momentum, inverse_scale);
}

StepScalars step_scalars(Algorithm algorithm, const Hyperparameters& hyperparameters,
                         const BiasCorrections& corrections, double learning_rate, double weight_decay, double momentum,
                         float inverse_scale) {
  return rules::step_scalars(algorithm, hyperparameters, corrections, learning_rate, weight_decay, momentum,
                             inverse_scale);
}

double clip_coefficient(double norm, double maximum) {
  return rules::clip_coefficient(norm, maximum);
}

void apply_trust_ratio(Algorithm algorithm, const Hyperparameters& hyperparameters, double learning_rate,
                       double weight_decay, double parameter_norm, double direction_norm, StepScalars& scalars) {
  rules::apply_trust_ratio(algorithm, hyperparameters, learning_rate, weight_decay, parameter_norm, direction_norm,
                           scalars);
}

}  // namespace ganno

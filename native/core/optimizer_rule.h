#pragma once
// Optimiser rules: their traits, hyperparameters, and the scalars one step of one layer needs. Formulas:
// core/step_rules.h, docs/algorithms.md.
#include <cstdint>

namespace ganno {

/// Numbers are part of the binding contract (binding.d.ts): append, never renumber.
enum class Algorithm : std::uint32_t { kSgd, kMomentum, kNesterov, kRmsProp, kAdam, kAdamW, kLion, kLars, kLamb };
inline constexpr std::uint32_t kAlgorithmCount = 9;
/// The first so many need one pass and nothing but the array: those a population trains with.
inline constexpr std::uint32_t kPopulationAlgorithmCount = 6;

/// What there is to know of a rule beside its formula.
struct RuleTraits {
  /// Moment arrays it keeps beside the parameters.
  int moments = 0;
  /// Whether the first of them is a first moment (a velocity or a mean of gradients), which the moment statistics
  /// describe. Where there is none (sgd, rmsprop) they describe the gradient.
  bool first_moment = false;
  /// Whether its moments are corrected for their start at 0, so that its scalars depend on the step counter, and the
  /// first is mixed by lerp().
  bool corrects_bias = false;
  /// Whether weight decay multiplies the parameters (StepScalars::decay_factor); else StepScalars::weight_decay says
  /// how much of them the rule adds.
  bool decay_factor = false;
  /// Whether the step is scaled by a trust ratio of norms, which takes a pass of its own before it.
  bool trust_ratio = false;
};

/// A function, because device code cannot index a constant array.
constexpr RuleTraits rule_traits(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kSgd:
      return {};
    case Algorithm::kMomentum:
    case Algorithm::kNesterov:
      return {.moments = 1, .first_moment = true};
    case Algorithm::kRmsProp:
      return {.moments = 1};
    case Algorithm::kAdam:
      return {.moments = 2, .first_moment = true, .corrects_bias = true};
    case Algorithm::kAdamW:
      return {.moments = 2, .first_moment = true, .corrects_bias = true, .decay_factor = true};
    case Algorithm::kLion:
      return {.moments = 1, .first_moment = true, .decay_factor = true};
    case Algorithm::kLars:
      return {.moments = 1, .first_moment = true, .trust_ratio = true};
    case Algorithm::kLamb:
      return {.moments = 2, .first_moment = true, .corrects_bias = true, .trust_ratio = true};
  }
  return {};
}

/// How many moment arrays the rule keeps.
constexpr int moment_count(Algorithm algorithm) {
  return rule_traits(algorithm).moments;
}

struct Hyperparameters {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;  // at least FLT_MIN: it keeps 0/0 out of the step
  double momentum = 0.9;
  double rho = 0.99;  // RMSProp's smoothing constant (PyTorch: alpha)
  double weight_decay = 0.0;
  double trust_coefficient = 0.001;  // lars
};

/// Per layer, in this order, in a table of controls [layers x kControlCount].
enum Control : std::uint32_t { kControlLearningRate, kControlWeightDecay, kControlMomentum, kControlCount };

/// What to do with an element whose gradient (or resulting state) is not finite. Layer- and network-wide skips are
/// decided by the caller, who counts first (count_non_finite) and then observes instead of stepping.
enum class NonFinitePolicy : std::uint32_t { kSkipElement, kSkipLayer, kSkipNetwork, kPropagate };

/// Everything one array's step needs besides the arrays, computed once a step for the arrays of a cohort
/// (core/step_cohorts.h), in double, and applied in float32.
struct StepScalars {
  float learning_rate = 0;
  float weight_decay = 0;  // of the parameters, that the rule adds; 0 where decay_factor says it
  float momentum = 0;
  float beta1 = 0;
  float beta2 = 0;  // rmsprop: rho
  float one_minus_beta1 = 0;
  float one_minus_beta2 = 0;
  float lerp_weight = 0;  // adam, adamw, lamb: of g - m, added to m (1 - beta1) or to g (-beta1)
  float epsilon = 0;
  float step_size = 0;                 // adam: learning_rate / (1 - beta1^t); lamb: learning_rate * trust ratio
  float inverse_sqrt_correction2 = 1;  // 1 / sqrt(1 - beta2^t)
  float inverse_correction1 = 1;       // lamb: 1 / (1 - beta1^t)
  float decay_factor = 1;              // 1 - learning_rate * weight_decay, where the rule has it
  float trust = 1;                     // lars
  float clip = 1;                      // multiplies the scaled gradient, where clipping is on
  float inverse_scale = 1;             // multiplies the gradient in registers
  double moment_correction = 1;        // 1 / (1 - beta1^t): the moment statistic is bias-corrected
  bool store = true;  // false: compute the statistics the step would have, change nothing (the environment's probe)
  bool propagate = false;  // true: store what comes out of a non-finite gradient; false: keep that element as it was
};

/// What depends on the step counter alone; arrays of the same age share it. Zero moments need no correction (step 0).
struct BiasCorrections {
  std::uint64_t step = 0;
  double correction1 = 1;              // 1 - beta1^step
  double inverse_correction1 = 1;      // 1 / (1 - beta1^step)
  float inverse_sqrt_correction2 = 1;  // 1 / sqrt(1 - beta2^step)
};

}  // namespace ganno

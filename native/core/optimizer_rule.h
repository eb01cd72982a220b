#pragma once
// Optimiser rules: names, hyperparameters, and the scalars one step of one layer needs. Formulas: docs/algorithms.md.
#include <cstdint>
#include <optional>
#include <string_view>

namespace ganno {

/// Numbers are part of the binding contract (binding.d.ts): append, never renumber.
enum class Algorithm : std::uint32_t { kSgd, kMomentum, kNesterov, kRmsProp, kAdam, kAdamW, kLion, kLars, kLamb };
inline constexpr std::uint32_t kAlgorithmCount = 9;
/// The first so many need one pass and nothing but the array: those a population trains with.
inline constexpr std::uint32_t kPopulationAlgorithmCount = 6;

std::optional<Algorithm> algorithm_from_name(std::string_view name);
std::string_view algorithm_name(Algorithm algorithm);

/// How many moment arrays the rule keeps beside the parameters: 0 (sgd), 1 (momentum, nesterov, rmsprop, lion,
/// lars), 2 (adam, adamw, lamb).
int moment_count(Algorithm algorithm);

/// Whether the first of them is a first moment (a velocity or a mean of gradients), which the moment statistics
/// describe. Where there is none (sgd, rmsprop) they describe the gradient.
bool keeps_first_moment(Algorithm algorithm);

/// Whether its moments are corrected for their start at 0, so that its scalars depend on the step counter (adam, adamw,
/// lamb).
bool corrects_bias(Algorithm algorithm);

/// Whether the step is scaled by a trust ratio of norms, which takes a pass of its own before it (lars, lamb).
bool has_trust_ratio(Algorithm algorithm);

struct Hyperparameters {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;  // at least FLT_MIN: it keeps 0/0 out of the step
  double momentum = 0.9;
  double rho = 0.99;                 // RMSProp's smoothing constant (PyTorch: alpha)
  double weight_decay = 0.0;         // coupled (L2), except adamw, lion and lamb: decoupled
  double trust_coefficient = 0.001;  // lars
};

/// Whether the rule mixes a first moment with these from the side of the gradient: beta1 of at most 0.5 (adam, adamw,
/// lamb).
bool lerps_from_gradient(Algorithm algorithm, const Hyperparameters& hyperparameters);

/// What to do with an element whose gradient (or resulting state) is not finite. Layer- and network-wide skips are
/// decided by the caller, who counts first (count_non_finite) and then observes instead of stepping.
enum class NonFinitePolicy : std::uint32_t { kSkipElement, kSkipLayer, kSkipNetwork, kPropagate };

/// Everything one array's step needs besides the arrays, computed once a step for the arrays of a cohort
/// (core/step_cohorts.h), in double, and applied in float32.
struct StepScalars {
  float learning_rate = 0;
  float weight_decay = 0;     // coupled; 0 for adamw and lion; lamb adds it to its direction
  float momentum = 0;         // momentum, nesterov, lars
  float beta1 = 0;            // lion
  float beta2 = 0;            // adam, adamw, lion, lamb; rho for rmsprop
  float one_minus_beta1 = 0;  // lion
  float one_minus_beta2 = 0;
  float lerp_weight = 0;  // adam, adamw, lamb: of g - m, added to m (1 - beta1) or to g (-beta1)
  float epsilon = 0;
  float step_size = 0;                 // adam: learning_rate / (1 - beta1^t); lamb: learning_rate * trust ratio
  float inverse_sqrt_correction2 = 1;  // 1 / sqrt(1 - beta2^t)
  float inverse_correction1 = 1;       // lamb: 1 / (1 - beta1^t)
  float decay_factor = 1;              // adamw, lion: 1 - learning_rate * weight_decay
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

/// @param step 1 for the first step of an array.
BiasCorrections bias_corrections(const Hyperparameters& hyperparameters, std::uint64_t step);

StepScalars step_scalars(Algorithm algorithm, const Hyperparameters& hyperparameters,
                         const BiasCorrections& corrections, double learning_rate, double weight_decay, double momentum,
                         float inverse_scale = 1.0f);

/// What a gradient of this norm is multiplied by so that its norm is at most `maximum`: min(1, maximum / (norm +
/// 1e-6)), as torch.nn.utils.clip_grad_norm_ does.
double clip_coefficient(double norm, double maximum);

/// Makes a layer's scalars those of its trust ratio. `direction_norm` is of the clipped gradient (lars) or of LAMB's r.
/// The ratio is 1 where either norm is 0. lars: c |p| / (|g| + wd |p| + eps); lamb: |p| / |r|.
void apply_trust_ratio(Algorithm algorithm, const Hyperparameters& hyperparameters, double learning_rate,
                       double weight_decay, double parameter_norm, double direction_norm, StepScalars& scalars);

/// The same for one layer on its own.
StepScalars step_scalars(Algorithm algorithm, const Hyperparameters& hyperparameters, double learning_rate,
                         double weight_decay, double momentum, std::uint64_t step, float inverse_scale = 1.0f);

}  // namespace ganno

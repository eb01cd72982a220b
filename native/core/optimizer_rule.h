#pragma once
// Optimiser rules: names, hyperparameters, and the scalars one step of one layer needs. Formulas as in PyTorch.
#include <cstdint>
#include <optional>
#include <string_view>

namespace ganno {

/// Numbers are part of the binding contract (binding.d.ts): append, never renumber.
enum class Algorithm : std::uint32_t { kSgd, kMomentum, kNesterov, kRmsProp, kAdam, kAdamW };
inline constexpr std::uint32_t kAlgorithmCount = 6;

std::optional<Algorithm> algorithm_from_name(std::string_view name);
std::string_view algorithm_name(Algorithm algorithm);

/// How many moment arrays the rule keeps beside the parameters: 0 (sgd), 1 (momentum, nesterov, rmsprop), 2 (adam,
/// adamw).
int moment_count(Algorithm algorithm);

/// Whether the first of them is a first moment (a velocity or a mean of gradients), which the moment statistics
/// describe. Where there is none (sgd, rmsprop) they describe the gradient.
bool keeps_first_moment(Algorithm algorithm);

struct Hyperparameters {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;  // at least FLT_MIN: it keeps 0/0 out of the step
  double momentum = 0.9;
  double rho = 0.99;          // RMSProp's smoothing constant (PyTorch: alpha)
  double weight_decay = 0.0;  // coupled (L2), except AdamW: decoupled. PyTorch's default for AdamW is 0.01
};

/// What to do with an element whose gradient (or resulting state) is not finite. Layer- and network-wide skips are
/// decided by the caller, who counts first (count_non_finite) and then observes instead of stepping.
enum class NonFinitePolicy : std::uint32_t { kSkipElement, kSkipLayer, kSkipNetwork, kPropagate };

/// Everything one array's step needs besides the arrays, computed once a layer and step in double, applied in float32.
struct StepScalars {
  float learning_rate = 0;
  float weight_decay = 0;  // coupled; 0 for adamw
  float momentum = 0;      // momentum, nesterov
  float beta2 = 0;         // adam, adamw; rho for rmsprop
  float one_minus_beta1 = 0;
  float one_minus_beta2 = 0;
  float epsilon = 0;
  float step_size = 0;                 // learning_rate / (1 - beta1^t)
  float inverse_sqrt_correction2 = 1;  // 1 / sqrt(1 - beta2^t)
  float decay_factor = 1;              // adamw: 1 - learning_rate * weight_decay
  float inverse_scale = 1;             // multiplies the gradient in registers
  double moment_correction = 1;        // 1 / (1 - beta1^t): the moment statistic is bias-corrected
  bool store = true;  // false: compute the statistics the step would have, change nothing (the environment's probe)
  bool propagate = false;  // true: store what comes out of a non-finite gradient; false: keep that element as it was
};

/// What depends on the step counter alone; layers of the same age share it. Zero moments need no correction (step 0).
struct BiasCorrections {
  std::uint64_t step = 0;
  double correction1 = 1;  // 1 - beta1^step
  double correction2 = 1;  // 1 - beta2^step
};

/// @param step 1 for the first step of a layer.
BiasCorrections bias_corrections(const Hyperparameters& hyperparameters, std::uint64_t step);

StepScalars step_scalars(Algorithm algorithm, const Hyperparameters& hyperparameters,
                         const BiasCorrections& corrections, double learning_rate, double weight_decay, double momentum,
                         float inverse_scale = 1.0f);

/// The same for one layer on its own.
StepScalars step_scalars(Algorithm algorithm, const Hyperparameters& hyperparameters, double learning_rate,
                         double weight_decay, double momentum, std::uint64_t step, float inverse_scale = 1.0f);

}  // namespace ganno

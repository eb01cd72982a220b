#pragma once
// Optimiser rules: names, hyperparameters, and the scalars one step of one layer needs. Formulas as in PyTorch.
#include <cstdint>
#include <optional>
#include <string_view>

namespace ganno {

/// Numbers are part of the binding contract (binding.d.ts): append, never renumber.
enum class Algorithm : std::uint32_t { kSgd, kMomentum, kNesterov, kRmsProp, kAdam, kAdamW };

std::optional<Algorithm> algorithm_from_name(std::string_view name);
std::string_view algorithm_name(Algorithm algorithm);

/// How many moment arrays the rule keeps beside the parameters: 0 (sgd), 1 (momentum, nesterov, rmsprop), 2 (adam,
/// adamw).
int moment_count(Algorithm algorithm);

struct Hyperparameters {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double momentum = 0.9;
  double rho = 0.99;          // RMSProp's smoothing constant (PyTorch: alpha)
  double weight_decay = 0.0;  // coupled (L2), except AdamW: decoupled. PyTorch's default for AdamW is 0.01
};

/// What to do with an element whose gradient (or resulting state) is not finite.
enum class NonFinitePolicy : std::uint32_t { kSkipElement, kSkipLayer, kSkipNetwork, kPropagate };

/// Everything one array's step needs besides the arrays, computed once a layer and step in double, applied in float32.
struct StepScalars {
  float learning_rate = 0;
  float weight_decay = 0;
  float momentum = 0;  // momentum, nesterov
  float beta1 = 0;     // adam, adamw
  float one_minus_beta1 = 0;
  float beta2 = 0;  // adam, adamw; rho for rmsprop
  float one_minus_beta2 = 0;
  float epsilon = 0;
  float step_size = 0;                 // learning_rate / (1 - beta1^t)
  float inverse_sqrt_correction2 = 1;  // 1 / sqrt(1 - beta2^t)
  float decay_factor = 1;              // adamw: 1 - learning_rate * weight_decay
  float inverse_correction1 = 1;       // 1 / (1 - beta1^t): the moment statistic is bias-corrected
  float inverse_scale = 1;             // multiplies the gradient in registers
  bool first_step = false;             // momentum, nesterov: the velocity starts as the gradient, as in PyTorch
};

/// @param step 1 for the first step.
StepScalars step_scalars(Algorithm algorithm, const Hyperparameters& hyperparameters, double learning_rate,
                         double weight_decay, double momentum, std::uint64_t step, float inverse_scale = 1.0f);

}  // namespace ganno

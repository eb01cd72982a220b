#pragma once
// The optimiser rules, a vector at a time, with PyTorch's formulas (torch/optim/{sgd,rmsprop,adam,adamw}.py,
// single-tensor form). No fused multiply-add: every tier must give the same bits. `g` is the scaled gradient before
// weight decay.
#include "core/optimizer_rule.h"
#include "cpu/simd.h"

namespace ganno::GANNO_TIER {
namespace {

struct Elements {
  Vector parameter;
  Vector moment1;
  Vector moment2;
};

// Each rule has
//   kMoments        moment arrays it keeps
//   kFirstMoment    whether moment1 is a first moment, which the moment statistics describe
//   step(g, old)    the new elements
//   evidence(g, x)  finite only if g and all new elements x are; may overflow for finite ones, so it only raises
//   suspicion

/// Bytes per element: reads gradient, parameter; writes parameter: 12.
struct Sgd {
  static constexpr int kMoments = 0;
  static constexpr bool kFirstMoment = false;
  Vector learning_rate, weight_decay;

  explicit Sgd(const StepScalars& s) : learning_rate(set1(s.learning_rate)), weight_decay(set1(s.weight_decay)) {}

  GANNO_INLINE Elements step(Vector g, const Elements& old) const {
    const Vector gradient = g + weight_decay * old.parameter;
    return {old.parameter - learning_rate * gradient, old.moment1, old.moment2};
  }
  GANNO_INLINE static Vector evidence(Vector, const Elements& x) { return x.parameter; }
};

/// v <- mu v + g;  p <- p - lr v, or p - lr (g + mu v) for Nesterov. 20 bytes per element.
template <bool kNesterov>
struct Momentum {
  static constexpr int kMoments = 1;
  static constexpr bool kFirstMoment = true;
  Vector learning_rate, weight_decay, momentum;

  explicit Momentum(const StepScalars& s)
      : learning_rate(set1(s.learning_rate)), weight_decay(set1(s.weight_decay)), momentum(set1(s.momentum)) {}

  GANNO_INLINE Elements step(Vector g, const Elements& old) const {
    const Vector gradient = g + weight_decay * old.parameter;
    const Vector velocity = momentum * old.moment1 + gradient;
    const Vector direction = kNesterov ? gradient + momentum * velocity : velocity;
    return {old.parameter - learning_rate * direction, velocity, old.moment2};
  }
  // An infinite velocity makes the parameter infinite, or NaN where it is multiplied by 0.
  GANNO_INLINE static Vector evidence(Vector, const Elements& x) { return x.parameter; }
};

/// v <- rho v + (1 - rho) g^2;  p <- p - lr g / (sqrt v + eps). 20 bytes per element.
struct RmsProp {
  static constexpr int kMoments = 1;
  static constexpr bool kFirstMoment = false;
  Vector learning_rate, weight_decay, rho, one_minus_rho, epsilon;

  explicit RmsProp(const StepScalars& s)
      : learning_rate(set1(s.learning_rate)),
        weight_decay(set1(s.weight_decay)),
        rho(set1(s.beta2)),
        one_minus_rho(set1(s.one_minus_beta2)),
        epsilon(set1(s.epsilon)) {}

  GANNO_INLINE Elements step(Vector g, const Elements& old) const {
    const Vector gradient = g + weight_decay * old.parameter;
    const Vector average = rho * old.moment1 + one_minus_rho * (gradient * gradient);
    const Vector direction = gradient / (sqrt(average) + epsilon);
    return {old.parameter - learning_rate * direction, average, old.moment2};
  }
  GANNO_INLINE static Vector evidence(Vector, const Elements& x) { return x.parameter + x.moment1; }
};

/// m <- m + (1 - b1)(g - m);  v <- b2 v + (1 - b2) g^2;  p <- p - lr/(1 - b1^t) m / (sqrt v / sqrt(1 - b2^t) + eps).
/// AdamW multiplies p by 1 - lr wd first, Adam adds wd p to g. 28 bytes per element.
template <bool kDecoupledDecay>
struct Adam {
  static constexpr int kMoments = 2;
  static constexpr bool kFirstMoment = true;
  Vector decay, one_minus_beta1, beta2, one_minus_beta2, epsilon, step_size, inverse_sqrt_correction2;

  explicit Adam(const StepScalars& s)
      : decay(set1(kDecoupledDecay ? s.decay_factor : s.weight_decay)),
        one_minus_beta1(set1(s.one_minus_beta1)),
        beta2(set1(s.beta2)),
        one_minus_beta2(set1(s.one_minus_beta2)),
        epsilon(set1(s.epsilon)),
        step_size(set1(s.step_size)),
        inverse_sqrt_correction2(set1(s.inverse_sqrt_correction2)) {}

  GANNO_INLINE Elements step(Vector g, const Elements& old) const {
    const Vector gradient = kDecoupledDecay ? g : g + decay * old.parameter;
    const Vector parameter = kDecoupledDecay ? old.parameter * decay : old.parameter;
    const Vector moment1 = old.moment1 + one_minus_beta1 * (gradient - old.moment1);
    const Vector moment2 = beta2 * old.moment2 + one_minus_beta2 * (gradient * gradient);
    const Vector denominator = sqrt(moment2) * inverse_sqrt_correction2 + epsilon;
    return {parameter - step_size * (moment1 / denominator), moment1, moment2};
  }
  // With a finite moment2 the denominator is finite, so an infinite moment1 shows in the parameter.
  GANNO_INLINE static Vector evidence(Vector, const Elements& x) { return x.parameter + x.moment2; }
};

/// Changes nothing.
template <bool kHasFirstMoment>
struct Observe {
  static constexpr int kMoments = kHasFirstMoment ? 1 : 0;
  static constexpr bool kFirstMoment = kHasFirstMoment;

  explicit Observe(const StepScalars&) {}

  GANNO_INLINE Elements step(Vector, const Elements& old) const { return old; }
  GANNO_INLINE static Vector evidence(Vector g, const Elements& x) {
    return kHasFirstMoment ? g + x.parameter + x.moment1 : g + x.parameter;
  }
};

}  // namespace
}  // namespace ganno::GANNO_TIER

#pragma once
// The optimiser rules, a vector at a time, with PyTorch's formulas (torch/optim/{sgd,rmsprop,adam,adamw}.py,
// single-tensor form) where it has them. No fused multiply-add: every tier must give the same bits. `g` is the scaled
// gradient before weight decay.
//
// One source for every back end. Whoever includes this has defined GANNO_TIER, the namespace, and in it Vector, what
// can be done with vectors and GANNO_INLINE: cpu/simd.h for a CPU tier, cuda/step/scalar.h, one lane wide, for a GPU.
#include "core/optimizer_rule.h"

namespace ganno::GANNO_TIER {
namespace {

struct Elements {
  Vector parameter;
  Vector moment1;
  Vector moment2;
};

/// Where the mean of gradients starts: lerps_from_gradient() of core/step_scalars.h. Kernels of their own, because a
/// select for every vector took a CPU 2 to 9 % of the step (measured), and a GPU's kernels more registers than there
/// are.
enum class LerpFrom { kMoment, kGradient };

/// m + (1 - b1)(g - m), as torch.lerp computes it: that where b1 > 0.5, else g - b1 (g - m). In float32 the first loses
/// a g that is small beside m, and with b1 = 0 that g should be all there is.
/// @param weight StepScalars::lerp_weight
template <LerpFrom kFrom>
GANNO_INLINE Vector lerp(Vector weight, Vector moment, Vector gradient) {
  const Vector way = weight * (gradient - moment);
  return (kFrom == LerpFrom::kMoment ? moment : gradient) + way;
}

// Each rule has
//   RuleOf<...>     its traits, of core/optimizer_rule.h
//   step(g, old)    the new elements
//   evidence(g, x)  finite only if g and all new elements x are; may overflow for finite ones, so it only raises
//   suspicion
//   direction(g, old), with a trust ratio: what that compares with the parameters
// and a place in the list of them below.

template <Algorithm kOf>
struct RuleOf {
  static constexpr Algorithm kAlgorithm = kOf;
  static constexpr int kMoments = rule_traits(kOf).moments;
  static constexpr bool kFirstMoment = rule_traits(kOf).first_moment;
};

/// Bytes per element: reads gradient, parameter; writes parameter: 12.
struct Sgd : RuleOf<Algorithm::kSgd> {
  Vector learning_rate, weight_decay;

  GANNO_INLINE explicit Sgd(const StepScalars& s)
      : learning_rate(set1(s.learning_rate)), weight_decay(set1(s.weight_decay)) {}

  GANNO_INLINE Elements step(Vector g, const Elements& old) const {
    const Vector gradient = g + weight_decay * old.parameter;
    return {old.parameter - learning_rate * gradient, old.moment1, old.moment2};
  }
  GANNO_INLINE static Vector evidence(Vector, const Elements& x) { return x.parameter; }
};

/// v <- mu v + g;  p <- p - lr v, or p - lr (g + mu v) for Nesterov. 20 bytes per element.
template <bool kNesterov>
struct Momentum : RuleOf<kNesterov ? Algorithm::kNesterov : Algorithm::kMomentum> {
  Vector learning_rate, weight_decay, momentum;

  GANNO_INLINE explicit Momentum(const StepScalars& s)
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
struct RmsProp : RuleOf<Algorithm::kRmsProp> {
  Vector learning_rate, weight_decay, rho, one_minus_rho, epsilon;

  GANNO_INLINE explicit RmsProp(const StepScalars& s)
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

/// m <- lerp(m, g);  v <- b2 v + (1 - b2) g^2;  p <- p - lr/(1 - b1^t) m / (sqrt v / sqrt(1 - b2^t) + eps).
/// AdamW multiplies p by 1 - lr wd first, Adam adds wd p to g. 28 bytes per element.
template <bool kDecoupledDecay, LerpFrom kFrom>
struct Adam : RuleOf<kDecoupledDecay ? Algorithm::kAdamW : Algorithm::kAdam> {
  Vector decay, lerp_weight, beta2, one_minus_beta2, epsilon, step_size, inverse_sqrt_correction2;

  GANNO_INLINE explicit Adam(const StepScalars& s)
      : decay(set1(kDecoupledDecay ? s.decay_factor : s.weight_decay)),
        lerp_weight(set1(s.lerp_weight)),
        beta2(set1(s.beta2)),
        one_minus_beta2(set1(s.one_minus_beta2)),
        epsilon(set1(s.epsilon)),
        step_size(set1(s.step_size)),
        inverse_sqrt_correction2(set1(s.inverse_sqrt_correction2)) {}

  GANNO_INLINE Elements step(Vector g, const Elements& old) const {
    const Vector gradient = kDecoupledDecay ? g : g + decay * old.parameter;
    const Vector parameter = kDecoupledDecay ? old.parameter * decay : old.parameter;
    // In this order: nvcc spilled registers in the other (sm_100, sm_120).
    const Vector moment2 = beta2 * old.moment2 + one_minus_beta2 * (gradient * gradient);
    const Vector moment1 = lerp<kFrom>(lerp_weight, old.moment1, gradient);
    const Vector denominator = sqrt(moment2) * inverse_sqrt_correction2 + epsilon;
    return {parameter - step_size * (moment1 / denominator), moment1, moment2};
  }
  // With a finite moment2 the denominator is finite, so an infinite moment1 shows in the parameter.
  GANNO_INLINE static Vector evidence(Vector, const Elements& x) { return x.parameter + x.moment2; }
};

/// c = b1 m + (1 - b1) g;  p <- (1 - lr wd) p - lr sign(c);  m <- b2 m + (1 - b2) g. 20 bytes per element.
/// Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", algorithm 2.
struct Lion : RuleOf<Algorithm::kLion> {
  Vector learning_rate, decay, beta1, one_minus_beta1, beta2, one_minus_beta2;

  GANNO_INLINE explicit Lion(const StepScalars& s)
      : learning_rate(set1(s.learning_rate)),
        decay(set1(s.decay_factor)),
        beta1(set1(s.beta1)),
        one_minus_beta1(set1(s.one_minus_beta1)),
        beta2(set1(s.beta2)),
        one_minus_beta2(set1(s.one_minus_beta2)) {}

  GANNO_INLINE Elements step(Vector g, const Elements& old) const {
    const Vector mixed = beta1 * old.moment1 + one_minus_beta1 * g;
    const Vector ordered = zero_unless(!equal(mixed, zero()), sign_of(mixed));
    const Vector sign = select(equal(mixed, mixed), ordered, mixed);  // NaN stays NaN
    const Vector moment = beta2 * old.moment1 + one_minus_beta2 * g;
    return {old.parameter * decay - learning_rate * sign, moment, old.moment2};
  }
  GANNO_INLINE static Vector evidence(Vector, const Elements& x) { return x.parameter + x.moment1; }
};

/// v <- mu v + trust (g + wd p);  p <- p - lr v. 20 bytes per element, and 8 in the pass for the trust ratio.
/// You, Gitman & Ginsburg 2017, "Large Batch Training of Convolutional Networks".
struct Lars : RuleOf<Algorithm::kLars> {
  Vector learning_rate, weight_decay, momentum, trust;

  GANNO_INLINE explicit Lars(const StepScalars& s)
      : learning_rate(set1(s.learning_rate)),
        weight_decay(set1(s.weight_decay)),
        momentum(set1(s.momentum)),
        trust(set1(s.trust)) {}

  GANNO_INLINE static Vector direction(Vector g, const Elements&) { return g; }
  GANNO_INLINE Elements step(Vector g, const Elements& old) const {
    const Vector velocity = momentum * old.moment1 + trust * (g + weight_decay * old.parameter);
    return {old.parameter - learning_rate * velocity, velocity, old.moment2};
  }
  GANNO_INLINE static Vector evidence(Vector, const Elements& x) { return x.parameter; }
};

/// m and v as Adam's;  r = m^ / (sqrt v^ + eps) + wd p;  p <- p - lr trust r. 28 bytes per element, and 16 in the pass
/// for the trust ratio. You et al. 2019, "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes".
template <LerpFrom kFrom>
struct Lamb : RuleOf<Algorithm::kLamb> {
  Vector weight_decay, lerp_weight, beta2, one_minus_beta2, epsilon, step_size, inverse_correction1,
      inverse_sqrt_correction2;

  GANNO_INLINE explicit Lamb(const StepScalars& s)
      : weight_decay(set1(s.weight_decay)),
        lerp_weight(set1(s.lerp_weight)),
        beta2(set1(s.beta2)),
        one_minus_beta2(set1(s.one_minus_beta2)),
        epsilon(set1(s.epsilon)),
        step_size(set1(s.step_size)),
        inverse_correction1(set1(s.inverse_correction1)),
        inverse_sqrt_correction2(set1(s.inverse_sqrt_correction2)) {}

  /// NaN where the second moment overflows: the quotient alone would be an innocent 0.
  GANNO_INLINE Vector direction(Vector g, const Elements& old) const {
    const Elements next = moments(g, old);
    return direction_from(next, old.parameter) + next.moment2 * zero();
  }
  GANNO_INLINE Elements step(Vector g, const Elements& old) const {
    const Elements next = moments(g, old);
    return {old.parameter - step_size * direction_from(next, old.parameter), next.moment1, next.moment2};
  }
  GANNO_INLINE static Vector evidence(Vector, const Elements& x) { return x.parameter + x.moment2; }

 private:
  GANNO_INLINE Elements moments(Vector g, const Elements& old) const {
    Elements next{old.parameter, old.moment1, beta2 * old.moment2 + one_minus_beta2 * (g * g)};
    next.moment1 = lerp<kFrom>(lerp_weight, old.moment1, g);  // after moment2, as in Adam
    return next;
  }
  GANNO_INLINE Vector direction_from(const Elements& next, Vector parameter) const {
    const Vector denominator = sqrt(next.moment2) * inverse_sqrt_correction2 + epsilon;
    return next.moment1 * inverse_correction1 / denominator + weight_decay * parameter;
  }
};

template <class... Rule>
struct RuleList {
  static_assert(sizeof...(Rule) == kAlgorithmCount);
};

/// All rules.
template <LerpFrom kFrom>
using Rules = RuleList<Sgd, Momentum<false>, Momentum<true>, RmsProp, Adam<false, kFrom>, Adam<true, kFrom>, Lion, Lars,
                       Lamb<kFrom>>;

template <class Visit, class... Rule>
auto visit_rule(RuleList<Rule...>, Algorithm algorithm, const Visit& visit) {
  decltype(visit.template operator()<Sgd>()) result{};
  ((Rule::kAlgorithm == algorithm && (result = visit.template operator()<Rule>(), true)) || ...);
  return result;
}

/// What `visit` makes of the rule of an algorithm, which it gets as a template argument.
/// @param from_gradient lerps_from_gradient() of core/step_scalars.h
template <class Visit>
auto with_rule(Algorithm algorithm, bool from_gradient, const Visit& visit) {
  return from_gradient ? visit_rule(Rules<LerpFrom::kGradient>{}, algorithm, visit)
                       : visit_rule(Rules<LerpFrom::kMoment>{}, algorithm, visit);
}

/// A rule on the clipped gradient; the statistics see the gradient as it was.
template <class Rule>
struct Clipped : Rule {
  Vector clip;

  GANNO_INLINE explicit Clipped(const StepScalars& s) : Rule(s), clip(set1(s.clip)) {}

  GANNO_INLINE Elements step(Vector g, const Elements& old) const { return Rule::step(g * clip, old); }
};

/// What a pass before the step measures: the gradient alone, before clipping.
struct Gradient {
  static constexpr int kMoments = 0;
  static constexpr bool kParameters = false;
  GANNO_INLINE explicit Gradient(const StepScalars&) {}
  GANNO_INLINE static Vector direction(Vector g, const Elements&) { return g; }
};

/// What the trust ratio of a rule is made of: the parameters, and what the rule compares with them.
template <class Rule>
struct Trust : Clipped<Rule> {
  static constexpr bool kParameters = true;
  GANNO_INLINE explicit Trust(const StepScalars& s) : Clipped<Rule>(s) {}
  GANNO_INLINE Vector direction(Vector g, const Elements& old) const { return Rule::direction(g * this->clip, old); }
};

/// Changes nothing.
template <bool kHasFirstMoment>
struct Observe {
  static constexpr int kMoments = kHasFirstMoment ? 1 : 0;
  static constexpr bool kFirstMoment = kHasFirstMoment;

  GANNO_INLINE explicit Observe(const StepScalars&) {}

  GANNO_INLINE Elements step(Vector, const Elements& old) const { return old; }
  GANNO_INLINE static Vector evidence(Vector g, const Elements& x) {
    return kHasFirstMoment ? g + x.parameter + x.moment1 : g + x.parameter;
  }
};

}  // namespace
}  // namespace ganno::GANNO_TIER

#pragma once
// One element's step: the rule, and what the non-finite policy makes of it.
#include "cuda/step/warp.cuh"

namespace ganno::cuda {
namespace {

using cuda_scalar::is_finite;
using cuda_scalar::Vector;

/// How a cohort is stepped, the same for all its elements.
struct Mode {
  bool propagate;
  bool store;
  bool observe;  // change nothing: the layer is skipped
};

/// What a cohort's elements are stepped with. It lies in shared memory and is read for every chunk: registers are for
/// the elements.
template <class Rule>
struct Stepping {
  Rule rule;
  float inverse_scale;
  Mode mode;

  __device__ __forceinline__ explicit Stepping(const PreparedCohort& cohort)
      : rule(cohort.scalars),
        inverse_scale(cohort.scalars.inverse_scale),
        mode{cohort.scalars.propagate, cohort.scalars.store, cohort.skipped != 0} {}
};

struct SteppedElement {
  float gradient;  // scaled
  cuda_scalar::Elements old;
  cuda_scalar::Elements next;
  bool exceptional;  // something is not finite
  bool good;         // nothing of gradient and state is
};

template <class Rule>
__device__ __forceinline__ SteppedElement step_element(const Rule& rule, Mode mode, float inverse_scale, float gradient,
                                                       float parameter, float moment1, float moment2) {
  SteppedElement element;
  element.gradient = gradient * inverse_scale;
  element.old = {{parameter}, {moment1}, {moment2}};
  const Vector g{element.gradient};
  float evidence;
  if (mode.observe) {
    // As the CPU's rule Observe: the statistics know a first moment, or none.
    element.next = {{parameter}, {Rule::kFirstMoment ? moment1 : 0.0f}, {0.0f}};
    evidence = element.gradient + parameter + element.next.moment1.value;
  } else {
    element.next = rule.step(g, element.old);
    evidence = Rule::evidence(g, element.next).value;
  }
  element.exceptional = !is_finite(evidence);
  element.good = true;
  if (element.exceptional) {
    element.good = is_finite(element.gradient) && is_finite(element.next.parameter) &&
                   is_finite(element.next.moment1) && is_finite(element.next.moment2);
    if (!element.good && !mode.propagate) element.next = element.old;
  }
  return element;
}

}  // namespace
}  // namespace ganno::cuda

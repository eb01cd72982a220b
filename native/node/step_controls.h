#pragma once
// The controls of a step as JavaScript passes them: each a number for all layers or a
// Float32Array [layers].
#include <cstddef>
#include <span>
#include <vector>

#include "core/optimizer_rule.h"
#include "node/napi_setup.h"

namespace ganno::node {

/// A step of many small layers takes less than a microsecond, and this is part of it: elements are checked and widened
/// in one pass, and what was written for all layers is not written again.
class StepControls {
 public:
  explicit StepControls(std::size_t layers = 0) : table_(layers * kControlCount) {}

  /// Takes over what a call says. @returns [layers x kControlCount]
  /// @throws std::invalid_argument naming the element that is out of range
  std::span<const double> take(Napi::Value learning_rates, Napi::Value weight_decays, Napi::Value momenta);

  /// What was taken over last; zeros at first.
  std::span<const double> last() const { return table_; }

 private:
  struct Column {
    Control control;
    const char* name;
    double largest;
  };
  void take(const Column& column, Napi::Value given);

  std::vector<double> table_;
  double uniform_[kControlCount] = {};  // what each column holds for all layers; NaN: something else
};

}  // namespace ganno::node

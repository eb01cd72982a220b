#include "node/step_controls.h"

#include <limits>
#include <stdexcept>
#include <string>

#include "node/arguments.h"

namespace ganno::node {

namespace {

constexpr double kLargest = 3.4e38;

/// The sentence of src/arguments.ts for an element of an array.
[[noreturn]] void refuse(Napi::Env env, const char* name, std::size_t index, double value, double largest) {
  const auto text = [&](double number) { return Napi::Number::New(env, number).ToString().Utf8Value(); };
  throw std::invalid_argument("Expected finite numbers from 0 to " + text(largest) + " for " + name + "[" +
                              std::to_string(index) + "] but received " + text(value) + " of type number");
}

}  // namespace

std::span<const double> StepControls::take(Napi::Value learning_rates, Napi::Value weight_decays, Napi::Value momenta) {
  take({kControlLearningRate, "learningRates", kLargest}, learning_rates);
  take({kControlWeightDecay, "weightDecays", kLargest}, weight_decays);
  take({kControlMomentum, "momenta", 1}, momenta);
  return table_;
}

void StepControls::take(const Column& column, Napi::Value given) {
  double& uniform = uniform_[column.control];
  // Asked for its value at once: to ask for its type before takes as long again.
  if (double value = 0; napi_get_value_double(given.Env(), given, &value) == napi_ok) {
    if (value == uniform) return;
    for (std::size_t i = column.control; i < table_.size(); i += kControlCount) table_[i] = value;
    uniform = value;
    return;
  }
  const std::size_t layers = table_.size() / kControlCount;
  const std::span<const float> values = elements<float>(given, column.name, layers);
  uniform = std::numeric_limits<double>::quiet_NaN();
  double* out = table_.data() + column.control;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const double value = values[layer];
    if (!(value >= 0 && value <= column.largest)) {
      refuse(given.Env(), column.name, layer, value, column.largest);
    }
    out[layer * kControlCount] = value;
  }
}

}  // namespace ganno::node

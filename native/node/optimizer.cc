// class LayerwisePlan: LayerwiseStep over JavaScript's arrays.
#include "node/optimizer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cpu/layerwise_step.h"
#include "cpu/tier.h"
#include "node/arguments.h"
#include "node/background_work.h"
#include "node/errors.h"
#include "node/handles.h"

namespace ganno::node {

namespace {

double number_or(Napi::Value value, const char* name, double missing) {
  return value.IsUndefined() ? missing : number(value, name);
}

LayerwiseStep::Options read_options(Napi::Object options) {
  LayerwiseStep::Options read;
  read.algorithm = static_cast<Algorithm>(integer(options.Get("algorithm"), "algorithm", 0, kAlgorithmCount - 1));
  read.non_finite = static_cast<NonFinitePolicy>(integer(options.Get("nonFinite"), "nonFinite", 0, 3));
  read.threads = static_cast<int>(integer(options.Get("threads"), "threads", 1, 256));
  if (options.Get("flushDenormals").ToBoolean()) read.denormals = Denormals::kFlush;
  const Napi::Value tier = options.Get("tier");
  read.tier = tier.IsString() ? tier_from_name(tier.As<Napi::String>().Utf8Value()) : selected_tier();
  const Napi::Object hyperparameters = object(options.Get("hyperparameters"), "hyperparameters");
  read.hyperparameters.beta1 = number(hyperparameters.Get("beta1"), "beta1");
  read.hyperparameters.beta2 = number(hyperparameters.Get("beta2"), "beta2");
  read.hyperparameters.epsilon = number(hyperparameters.Get("epsilon"), "epsilon");
  read.hyperparameters.rho = number(hyperparameters.Get("rho"), "rho");
  read.hyperparameters.trust_coefficient =
      number_or(hyperparameters.Get("trustCoefficient"), "trustCoefficient", read.hyperparameters.trust_coefficient);
  if (const Napi::Value clip = options.Get("clip"); !clip.IsUndefined()) {
    read.clip_layer_norm = number_or(object(clip, "clip").Get("layerNorm"), "layerNorm", 0);
    read.clip_global_norm = number_or(object(clip, "clip").Get("globalNorm"), "globalNorm", 0);
  }
  return read;
}

class LayerwisePlan : public Napi::ObjectWrap<LayerwisePlan> {
 public:
  explicit LayerwisePlan(const Napi::CallbackInfo& info) : Napi::ObjectWrap<LayerwisePlan>(info) {
    guarded(info.Env(), [&] { construct(info.Env(), object(info[0], "options")); });
  }

  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "LayerwisePlan",
        {InstanceMethod<&LayerwisePlan::step>("step"), InstanceMethod<&LayerwisePlan::step_async>("stepAsync"),
         InstanceMethod<&LayerwisePlan::probe>("probe"), InstanceMethod<&LayerwisePlan::read_moment>("readMoment"),
         InstanceMethod<&LayerwisePlan::write_moment>("writeMoment"),
         InstanceMethod<&LayerwisePlan::read_steps>("readSteps"),
         InstanceMethod<&LayerwisePlan::write_steps>("writeSteps"),
         InstanceMethod<&LayerwisePlan::dispose>("dispose")});
  }

 private:
  /// Reading an option may run the caller's code, which may detach what was read before: pointers are taken when all is
  /// read.
  void construct(Napi::Env env, Napi::Object options) {
    const LayerwiseStep::Options read = read_options(options);
    const Napi::Array parameters = array(options.Get("parameters"), "parameters");
    const Napi::Array gradients = array(options.Get("gradients"), "gradients");
    const Napi::Value layers = options.Get("arraysPerLayer");
    const Napi::Value controls = options.Get("controls");
    const Napi::Value rates = options.Get("learningRates");
    const Napi::Value switches = options.Get("adapt");
    const std::uint32_t count = parameters.Length();
    if (gradients.Length() != count) throw std::invalid_argument("as many gradients as parameters");
    // Our own list keeps every registered array alive, whatever the caller does with theirs: parameter, gradient, ...
    Napi::Array registered = Napi::Array::New(env);
    for (std::uint32_t i = 0; i < count; ++i) {
      for (const Napi::Array& from : {parameters, gradients}) {
        const Napi::Value value = from.Get(i);
        elements<float>(value, "parameters or gradients");  // a huge array of nothing ends here
        registered.Set(registered.Length(), value);
      }
    }
    registered.Set(registered.Length(), controls);
    registered.Set(registered.Length(), rates);

    std::vector<ArrayBinding> arrays;
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto values = elements<float>(registered.Get(2 * i), "parameters");
      const auto gradient_values = elements<float>(registered.Get(2 * i + 1), "gradients", values.size());
      arrays.push_back({values.data(), gradient_values.data(), values.size()});
    }
    const auto arrays_per_layer = elements<std::uint32_t>(layers, "arraysPerLayer");
    controls_ = elements<double>(controls, "controls", arrays_per_layer.size() * kControlCount);
    if (!rates.IsUndefined()) learning_rates_ = elements<float>(rates, "learningRates", arrays_per_layer.size());
    const auto adapt = switches.IsUndefined() ? std::span<std::uint8_t>()
                                              : elements<std::uint8_t>(switches, "adapt", arrays_per_layer.size());
    step_ = std::make_shared<LayerwiseStep>(read, arrays, arrays_per_layer, adapt);
    registered_ = Napi::Persistent(registered.As<Napi::Object>());
    Value().TypeTag(&kLayerwisePlanTag);
    resources_ = HandleResources(env, static_cast<std::int64_t>(step_->bytes()));
  }

  /// The table of controls, with the learning rates taken over where the caller left them as float32.
  std::span<const double> controls() {
    if (controls_.empty() || !std::isnan(controls_[kControlLearningRate])) return controls_;
    for (std::size_t layer = 0; layer < learning_rates_.size(); ++layer) {
      const float rate = learning_rates_[layer];
      if (!(rate >= 0 && rate <= std::numeric_limits<float>::max())) {
        controls_[kControlLearningRate] = std::numeric_limits<double>::quiet_NaN();
        throw std::invalid_argument("a learning rate is not a finite number of at least 0");
      }
      controls_[layer * kControlCount + kControlLearningRate] = rate;
    }
    return controls_;
  }

  LayerwiseStep& live() {
    if (!step_) throw CodedError("DISPOSED", "This optimizer was disposed; make a new one");
    if (*busy_) {
      throw std::invalid_argument("A stepAsync call of this optimizer is still running: await it before the next call");
    }
    return *step_;
  }

  void run(const Napi::CallbackInfo& info, bool store) {
    LayerwiseStep& step = live();
    float* statistics = nullptr;
    if (!info[0].IsUndefined()) {
      statistics = elements<float>(info[0], "statistics", step.layer_count() * kStepStatisticCount).data();
    }
    step.step(controls(), static_cast<float>(number(info[1], "inverseScale")), statistics, store);
  }

  void step(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { run(info, true); });
  }

  Napi::Value step_async(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      live();
      const std::span<const double> table = controls();
      const auto inverse_scale = static_cast<float>(number(info[1], "inverseScale"));
      auto step = [step = step_, controls = std::vector<double>(table.begin(), table.end()),
                   inverse_scale](float* statistics) { step->step(controls, inverse_scale, statistics, true); };
      auto work = std::make_unique<StepWork>(info.Env(), busy_, std::move(step), info[0],
                                             step_->layer_count() * kStepStatisticCount);
      work->hold(registered_.Value());
      return BackgroundWork::start(std::move(work));
    });
  }

  void probe(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { run(info, false); });
  }

  std::span<float> moment(const Napi::CallbackInfo& info) {
    LayerwiseStep& step = live();
    const auto index = integer(info[0], "array", 0, static_cast<std::int64_t>(step.array_count()) - 1);
    return step.moment(static_cast<std::size_t>(index), static_cast<int>(integer(info[1], "moment", 0, 1)));
  }

  void read_moment(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      const std::span<float> values = moment(info);
      std::copy(values.begin(), values.end(), elements<float>(info[2], "out", values.size()).begin());
    });
  }

  void write_moment(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      const std::span<float> values = moment(info);
      const auto source = elements<float>(info[2], "values", values.size());
      std::copy(source.begin(), source.end(), values.begin());
    });
  }

  void read_steps(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      const auto steps = live().steps();
      const auto out = elements<double>(info[0], "out", steps.size());
      for (std::size_t i = 0; i < steps.size(); ++i) out[i] = static_cast<double>(steps[i]);
    });
  }

  void write_steps(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      const auto steps = live().steps();
      const auto values = elements<double>(info[0], "values", steps.size());
      for (const double value : values) {
        if (!(value >= 0 && value <= 0x1p53)) throw std::invalid_argument("a step counter is not a count");
      }
      for (std::size_t i = 0; i < steps.size(); ++i) steps[i] = static_cast<std::uint64_t>(values[i]);
    });
  }

  void dispose(const Napi::CallbackInfo&) {
    step_.reset();
    controls_ = {};
    learning_rates_ = {};
    registered_.Reset();
    resources_.release();
  }

  // Destroyed in reverse order: the step before the arrays it points into.
  Napi::ObjectReference registered_;
  HandleResources resources_;
  std::span<double> controls_;
  std::span<const float> learning_rates_;
  std::shared_ptr<LayerwiseStep> step_;  // shared with work in flight
  Busy busy_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace

Napi::Function layerwise_plan_class(Napi::Env env) {
  return LayerwisePlan::define(env);
}

}  // namespace ganno::node

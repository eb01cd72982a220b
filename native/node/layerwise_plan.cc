// class LayerwisePlan: a LayerwiseStep over JavaScript's arrays.
#include "node/layerwise_plan.h"

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/statistics.h"
#include "cpu/layerwise_step.h"
#include "cuda/layerwise_step.h"
#include "node/arguments.h"
#include "node/background_work.h"
#include "node/errors.h"
#include "node/handles.h"
#include "node/layerwise_options.h"
#include "node/step_controls.h"

namespace ganno::node {

namespace {

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
         InstanceMethod<&LayerwisePlan::write_steps>("writeSteps"), InstanceMethod<&LayerwisePlan::upload>("upload"),
         InstanceMethod<&LayerwisePlan::download>("download"), InstanceMethod<&LayerwisePlan::dispose>("dispose")});
  }

  PlanStep next_step() { return {live(), controls_.last()}; }

 private:
  /// Reading an option may run the caller's code, which may detach what was read before: pointers are taken when all is
  /// read.
  void construct(Napi::Env env, Napi::Object options) {
    const LayerwiseOptions read = read_layerwise_options(options);
    const Napi::Array parameters = array(options.Get("parameters"), "parameters");
    const Napi::Array gradients = array(options.Get("gradients"), "gradients");
    const Napi::Value layers = options.Get("arraysPerLayer");
    const Napi::Value switches = options.Get("adapt");
    const Napi::Value decay_switches = options.Get("decays");
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

    const auto decays = decay_switches.IsUndefined() ? std::span<std::uint8_t>()
                                                     : elements<std::uint8_t>(decay_switches, "decays", count);
    std::vector<ArrayBinding> arrays;
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto values = elements<float>(registered.Get(2 * i), "parameters");
      const auto gradient_values = elements<float>(registered.Get(2 * i + 1), "gradients", values.size());
      arrays.push_back({values.data(), gradient_values.data(), values.size(), decays.empty() || decays[i] != 0});
    }
    const auto arrays_per_layer = elements<std::uint32_t>(layers, "arraysPerLayer");
    const auto adapt = switches.IsUndefined() ? std::span<std::uint8_t>()
                                              : elements<std::uint8_t>(switches, "adapt", arrays_per_layer.size());
    controls_ = StepControls(arrays_per_layer.size());
    if (read.device) {
      step_ = cuda::make_layerwise_step(read, arrays, arrays_per_layer, adapt);
    } else {
      step_ = std::make_shared<CpuStep>(read, arrays, arrays_per_layer, adapt);
    }
    registered_ = Napi::Persistent(registered.As<Napi::Object>());
    const napi_type_tag tag = layerwise_plan_tag();
    Value().TypeTag(&tag);
    resources_ = HandleResources(env, static_cast<std::int64_t>(step_->bytes()));
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
    // Whether it is a typed array is soon said; undefined is among the last types that Node tries.
    if (info[3].IsTypedArray() || !info[3].IsUndefined()) {
      statistics = elements<float>(info[3], "statistics", step.layer_count() * kStepStatisticCount).data();
    }
    const auto inverse_scale = static_cast<float>(number(info[4], "inverseScale"));
    step.step(controls_.take(info[0], info[1], info[2]), inverse_scale, statistics, store);
  }

  void step(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { run(info, true); });
  }

  Napi::Value step_async(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
      live();
      const std::span<const double> table = controls_.take(info[0], info[1], info[2]);
      const auto inverse_scale = static_cast<float>(number(info[4], "inverseScale"));
      auto run = [step = step_, controls = std::vector<double>(table.begin(), table.end()),
                  inverse_scale](float* statistics) { step->step(controls, inverse_scale, statistics, true); };
      auto work = std::make_unique<StepWork>(info.Env(), busy_, std::move(run), info[3],
                                             step_->layer_count() * kStepStatisticCount);
      work->hold(registered_.Value());
      return BackgroundWork::start(std::move(work));
    });
  }

  void probe(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { run(info, false); });
  }

  void read_moment(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      LayerwiseStep& step = live();
      step.read_moment(array_index(info[0]), moment_index(info[1]), elements<float>(info[2], "out"));
    });
  }

  void write_moment(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      LayerwiseStep& step = live();
      step.write_moment(array_index(info[0]), moment_index(info[1]), elements<float>(info[2], "values"));
    });
  }

  std::size_t array_index(Napi::Value value) {
    const auto last = static_cast<std::int64_t>(step_->array_count()) - 1;
    return static_cast<std::size_t>(integer(value, "array", 0, last));
  }

  static int moment_index(Napi::Value value) { return static_cast<int>(integer(value, "moment", 0, 1)); }

  void read_steps(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      LayerwiseStep& step = live();
      std::ranges::transform(step.steps(), elements<double>(info[0], "out", step.array_count()).begin(),
                             [](std::uint64_t steps) { return static_cast<double>(steps); });
    });
  }

  void write_steps(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] {
      LayerwiseStep& step = live();
      std::vector<std::uint64_t> steps;
      for (const double value : elements<double>(info[0], "values", step.array_count())) {
        if (!(value >= 0 && value <= 0x1p53)) throw std::invalid_argument("a step counter is not a count");
        steps.push_back(static_cast<std::uint64_t>(value));
      }
      step.write_steps(steps);
    });
  }

  void upload(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { live().upload(info[0].ToBoolean(), info[1].ToBoolean()); });
  }

  void download(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { live().download(); });
  }

  void dispose(const Napi::CallbackInfo&) {
    step_.reset();
    registered_.Reset();
    resources_.release();
  }

  // Destroyed in reverse order: the step before the arrays it points into.
  Napi::ObjectReference registered_;
  HandleResources resources_;
  StepControls controls_;
  std::shared_ptr<LayerwiseStep> step_;  // shared with work in flight
  Busy busy_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace

Napi::Function layerwise_plan_class(Napi::Env env) {
  return LayerwisePlan::define(env);
}

PlanStep step_of(Napi::Value plan) {
  return unwrap<LayerwisePlan>(plan, layerwise_plan_tag(), "plan").next_step();
}

}  // namespace ganno::node

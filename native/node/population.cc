#include "node/population.h"

#include <vector>

#include "core/error.h"
#include "node/arguments.h"
#include "node/errors.h"
#include "node/population_options.h"
#include "node/train_work.h"

namespace ganno::node {

namespace {

[[noreturn]] void refuse(const char* message) {
  throw std::invalid_argument(message);
}

}  // namespace

Napi::Function NativePopulation::define(Napi::Env env) {
  return DefineClass(env, "NativePopulation",
                     {
                         InstanceMethod<&NativePopulation::train>("train"),
                         InstanceMethod<&NativePopulation::train_async>("trainAsync"),
                         InstanceMethod<&NativePopulation::probe>("probe"),
                         InstanceMethod<&NativePopulation::evaluate>("evaluate"),
                         InstanceMethod<&NativePopulation::loss_and_gradient>("lossAndGradient"),
                         InstanceMethod<&NativePopulation::save>("save"),
                         InstanceMethod<&NativePopulation::restore>("restore"),
                         InstanceMethod<&NativePopulation::fork>("fork"),
                         InstanceMethod<&NativePopulation::parameters>("parameters"),
                         InstanceMethod<&NativePopulation::set_parameters>("setParameters"),
                         InstanceMethod<&NativePopulation::running_statistics>("runningStatistics"),
                         InstanceMethod<&NativePopulation::set_running_statistics>("setRunningStatistics"),
                         InstanceMethod<&NativePopulation::validation_logits>("validationLogits"),
                         InstanceMethod<&NativePopulation::diverged_flags>("divergedFlags"),
                         InstanceMethod<&NativePopulation::reset>("reset"),
                         InstanceMethod<&NativePopulation::dispose>("dispose"),
                         InstanceMethod<&NativePopulation::bytes>("bytes"),
                     });
}

NativePopulation::NativePopulation(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativePopulation>(info) {
  guarded(info.Env(), [&] {
    const Napi::Object from = object(info[0], "options");
    const Napi::Object views = Napi::Object::New(info.Env());
    population_ = open_population(from, views);
    views_ = Napi::Persistent(views);
    account(info.Env());
  });
}

void NativePopulation::account(Napi::Env env) {
  resources_ = HandleResources(env, static_cast<std::int64_t>(population_->bytes()));
}

PopulationEngine& NativePopulation::open() const {
  if (population_ == nullptr) throw CodedError("DISPOSED", "This population was disposed: open a new one");
  if (*busy_) refuse("A trainAsync call of this population is still running: await it before the next call");
  return *population_;
}

std::uint32_t NativePopulation::network_index(Napi::Value value) const {
  return read_uint32(value, "network", 0, population_->options().networks - 1);
}

// (steps, learningRates, weightDecays, momenta, statistics, trainingLoss, validation, baseSchedule)
Napi::Value NativePopulation::run(const Napi::CallbackInfo& info, bool store) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    PopulationEngine& population = open();
    const std::uint32_t steps = read_uint32(info[0], "steps", 1, kMaximumSteps);
    const std::size_t networks = population.options().networks, layers = population.table().layers().size();
    Controls controls;
    controls.learning_rates = floats(info[1], "learningRates", networks * layers);
    controls.weight_decays = optional_floats(info[2], "weightDecays", networks * layers);
    controls.momenta = optional_floats(info[3], "momenta", networks * layers);
    controls.base_schedule = optional_floats(info[7], "baseSchedule", steps);
    Outputs outputs;
    outputs.statistics = floats(info[4], "statistics", networks * layers * kPopulationStatisticCount);
    outputs.training_loss = floats(info[5], "trainingLoss", networks * steps);
    outputs.validation = optional_floats(info[6], "validation", networks * 3);
    const bool finished =
        store ? population.train(steps, controls, outputs) : population.probe(steps, controls, outputs);
    return Napi::Boolean::New(info.Env(), finished);
  });
}

Napi::Value NativePopulation::train(const Napi::CallbackInfo& info) {
  return run(info, true);
}

Napi::Value NativePopulation::probe(const Napi::CallbackInfo& info) {
  return run(info, false);
}

Napi::Value NativePopulation::train_async(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    open();
    const std::uint32_t steps = read_uint32(info[0], "steps", 1, kMaximumSteps);
    auto work = std::make_unique<TrainWork>(info, population_, busy_, steps);
    work->hold(views_.Value());
    return BackgroundWork::start(std::move(work));
  });
}

Napi::Value NativePopulation::evaluate(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    PopulationEngine& population = open();
    const auto split = static_cast<Split>(read_uint32(info[0], "split", 0, 2));
    if (split == Split::kTest && population.options().test.empty()) refuse("the test split is empty");
    float* out = floats(info[1], "out", std::size_t{2} * population.options().networks);
    return Napi::Boolean::New(info.Env(), population.evaluate(split, out));
  });
}

Napi::Value NativePopulation::loss_and_gradient(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    PopulationEngine& population = open();
    const std::uint32_t network = network_index(info[0]);
    const std::vector<std::uint32_t> images = read_indices(info[1], "indices", population.options().images);
    if (images.empty() || images.size() > population.maximum_batch()) refuse("bad number of indices");
    float* out = floats(info[2], "out", population.table().parameter_count());
    return Napi::Number::New(info.Env(), population.loss_and_gradient(network, images, out));
  });
}

template <typename Action>
void NativePopulation::on_network(const Napi::CallbackInfo& info, Action&& action) {
  guarded(info.Env(), [&] {
    PopulationEngine& population = open();
    action(population, network_index(info[0]));
  });
}

void NativePopulation::save(const Napi::CallbackInfo& info) {
  on_network(info, [&](PopulationEngine& population, std::uint32_t network) {
    population.save(network);
    account(info.Env());
  });
}

Napi::Value NativePopulation::restore(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    PopulationEngine& population = open();
    return Napi::Boolean::New(info.Env(), population.restore(network_index(info[0])));
  });
}

Napi::Value NativePopulation::fork(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    PopulationEngine& population = open();
    population.fork(network_index(info[0]), network_index(info[1]));
    return info.Env().Undefined();
  });
}

void NativePopulation::parameters(const Napi::CallbackInfo& info) {
  on_network(info, [&](PopulationEngine& population, std::uint32_t network) {
    population.read_parameters(network, floats(info[1], "out", population.table().parameter_count()));
  });
}

void NativePopulation::set_parameters(const Napi::CallbackInfo& info) {
  on_network(info, [&](PopulationEngine& population, std::uint32_t network) {
    population.write_parameters(network, floats(info[1], "values", population.table().parameter_count()));
  });
}

void NativePopulation::running_statistics(const Napi::CallbackInfo& info) {
  on_network(info, [&](PopulationEngine& population, std::uint32_t network) {
    population.read_running(network, floats(info[1], "out", population.running_values()));
  });
}

void NativePopulation::set_running_statistics(const Napi::CallbackInfo& info) {
  on_network(info, [&](PopulationEngine& population, std::uint32_t network) {
    population.write_running(network, floats(info[1], "values", population.running_values()));
  });
}

void NativePopulation::validation_logits(const Napi::CallbackInfo& info) {
  on_network(info, [&](PopulationEngine& population, std::uint32_t network) {
    population.read_logits(network, floats(info[1], "out", population.logit_count()));
  });
}

Napi::Value NativePopulation::diverged_flags(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const PopulationEngine& population = open();
    const std::span<std::uint8_t> flags = elements<std::uint8_t>(info[0], "flags", population.options().networks);
    population.diverged(flags.data());
    return info.Env().Undefined();
  });
}

Napi::Value NativePopulation::reset(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    PopulationEngine& population = open();
    population.reset(read_seeds(info[0], population.options().networks));
    account(info.Env());
    return info.Env().Undefined();
  });
}

Napi::Value NativePopulation::dispose(const Napi::CallbackInfo& info) {
  population_.reset();
  views_.Reset();
  resources_.release();
  return info.Env().Undefined();
}

Napi::Value NativePopulation::bytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), population_ == nullptr ? 0.0 : static_cast<double>(population_->bytes()));
}

}  // namespace ganno::node

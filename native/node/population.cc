#include "node/population.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/error.h"
#include "node/arguments.h"
#include "node/errors.h"

namespace ganno::node {

namespace {

constexpr std::int64_t kMaximumSteps = 10'000'000;
constexpr std::size_t kLayerFields = 8;

[[noreturn]] void refuse(const char* message) {
  throw std::invalid_argument(message);
}

bool absent(Napi::Value value) {
  return value.IsNull() || value.IsUndefined();
}

float* floats(Napi::Value value, const char* name, std::size_t length) {
  return elements<float>(value, name, length).data();
}

float* optional_floats(Napi::Value value, const char* name, std::size_t length) {
  return absent(value) ? nullptr : floats(value, name, length);
}

std::uint32_t whole(Napi::Value value, const char* name, std::int64_t low, std::int64_t high) {
  return static_cast<std::uint32_t>(integer(value, name, low, high));
}

/// Whether a typed array lies over shared memory, which can neither be detached nor shrink.
bool is_shared(Napi::Value value) {
  return value.IsTypedArray() && !value.As<Napi::Object>().Get("buffer").IsArrayBuffer();
}

std::vector<LayerSpec> read_layers(Napi::Value value) {
  const std::span<const double> fields = elements<double>(value, "layers");
  if (fields.empty() || fields.size() % kLayerFields != 0 || fields.size() > 200 * kLayerFields) {
    refuse("bad length of layers");
  }
  std::vector<LayerSpec> layers(fields.size() / kLayerFields);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto field = [&](std::size_t at, double low, double high) {
      const double found = fields[i * kLayerFields + at];
      if (!(found >= low && found <= high)) refuse("a field of layers is out of its range");
      return found;
    };
    LayerSpec& layer = layers[i];
    layer.kind = static_cast<LayerKind>(field(0, 0, 5));
    layer.units = static_cast<std::int64_t>(field(1, 0, 1 << 24));
    layer.size = static_cast<std::int64_t>(field(2, 0, 5));
    layer.stride = static_cast<std::int64_t>(field(3, 1, 3));
    layer.same_padding = field(4, 0, 1) != 0;
    layer.activation = static_cast<Activation>(field(5, 0, 2));
    layer.initializer = static_cast<Initializer>(field(6, 0, 3));
    layer.rate = field(7, 0, 1);
    const bool has_units = layer.kind == LayerKind::kDense || layer.kind == LayerKind::kConvolution;
    const bool has_window = layer.kind == LayerKind::kConvolution || layer.kind == LayerKind::kMaxPool ||
                            layer.kind == LayerKind::kAveragePool;
    if ((has_units && layer.units < 1) || (has_window && layer.size < 1)) refuse("a layer is empty");
  }
  return layers;
}

std::vector<std::uint32_t> read_indices(Napi::Value value, const char* name, std::size_t images) {
  const std::span<const std::uint32_t> from = elements<std::uint32_t>(value, name);
  std::vector<std::uint32_t> indices(from.begin(), from.end());
  // The copy is checked: a shared original may change at any time.
  for (const std::uint32_t index : indices) {
    if (index >= images) refuse("an index is beyond the images");
  }
  return indices;
}

std::vector<double> read_doubles(Napi::Value value, const char* name, std::size_t length) {
  const std::span<const double> from = elements<double>(value, name, length);
  return {from.begin(), from.end()};
}

std::vector<std::uint32_t> read_seeds(Napi::Value value, std::size_t replicas) {
  const std::span<const std::uint32_t> seeds = elements<std::uint32_t>(value, "seeds", replicas);
  return {seeds.begin(), seeds.end()};
}

PopulationOptions read_options(const Napi::Object& from) {
  PopulationOptions options;
  const std::vector<double> shape = read_doubles(from.Get("input"), "input", 3);
  for (const double edge : shape) {
    if (!(edge >= 1 && edge <= 1 << 16)) refuse("bad input shape");
  }
  options.input = {static_cast<std::int64_t>(shape[0]), static_cast<std::int64_t>(shape[1]),
                   static_cast<std::int64_t>(shape[2])};
  options.layers = read_layers(from.Get("layers"));
  options.replicas = whole(from.Get("replicas"), "replicas", 1, 1 << 20);
  options.batch_size = whole(from.Get("batchSize"), "batchSize", 1, 1 << 16);
  options.algorithm = static_cast<Algorithm>(whole(from.Get("algorithm"), "algorithm", 0, kAlgorithmCount - 1));
  const Napi::Object hyperparameters = object(from.Get("hyperparameters"), "hyperparameters");
  const auto hyperparameter = [&](const char* name) { return number(hyperparameters.Get(name), name); };
  options.hyperparameters = {hyperparameter("beta1"),    hyperparameter("beta2"), hyperparameter("epsilon"),
                             hyperparameter("momentum"), hyperparameter("rho"),   hyperparameter("weightDecay")};
  const Napi::Value tier = from.Get("tier");
  options.tier = absent(tier) ? selected_tier() : tier_from_name(tier.ToString().Utf8Value());
  options.threads = static_cast<int>(whole(from.Get("threads"), "threads", 1, 1024));

  const Napi::Value images = from.Get("images");
  const Napi::Value labels = from.Get("labels");
  if (!is_shared(images) || !is_shared(labels)) refuse("images and labels must lie in shared memory");
  const auto image_bytes =
      static_cast<std::size_t>(options.input.height * options.input.width * options.input.channels);
  const std::span<const std::uint8_t> label_bytes = elements<std::uint8_t>(labels, "labels");
  const std::size_t count = label_bytes.size();
  options.images = count;
  options.source.labels = label_bytes.data();
  options.source.images = elements<std::uint8_t>(images, "images", count * image_bytes).data();
  options.train = read_indices(from.Get("train"), "train", count);
  options.validation = read_indices(from.Get("validation"), "validation", count);
  options.test = read_indices(from.Get("test"), "test", count);
  if (options.train.empty() || options.validation.empty()) refuse("a split is empty");
  options.slice_size =
      whole(from.Get("sliceSize"), "sliceSize", options.batch_size, static_cast<std::int64_t>(options.train.size()));
  options.validation_size =
      whole(from.Get("validationSize"), "validationSize", 1, static_cast<std::int64_t>(options.validation.size()));
  const auto channels = static_cast<std::size_t>(options.input.channels);
  options.mean = read_doubles(from.Get("mean"), "mean", channels);
  options.standard_deviation = read_doubles(from.Get("standardDeviation"), "standardDeviation", channels);
  options.memory_limit = number(from.Get("memoryLimit"), "memoryLimit");
  const Napi::Value cancellation = from.Get("cancellation");
  if (!absent(cancellation)) {
    const std::span<const std::int32_t> flag = elements<std::int32_t>(cancellation, "cancellation");
    if (flag.empty() || !is_shared(cancellation)) refuse("cancellation must lie in shared memory");
    options.cancellation = flag.data();
  }
  return options;
}

}  // namespace

/// One train call on a thread of libuv's pool. Works on copies: the caller's arrays may be detached meanwhile.
class NativePopulation::TrainWork : public Napi::AsyncWorker {
 public:
  TrainWork(const Napi::CallbackInfo& info, std::shared_ptr<Population> population,
            std::shared_ptr<std::atomic<bool>> busy, std::uint32_t steps)
      : Napi::AsyncWorker(info.Env(), "ganno.train"),
        deferred_(Napi::Promise::Deferred::New(info.Env())),
        population_(std::move(population)),
        busy_(std::move(busy)),
        steps_(steps),
        targets_(Napi::Persistent(Napi::Object::New(info.Env()))) {
    const PopulationOptions& options = population_->options();
    const std::size_t replicas = options.replicas, layers = population_->plan().table.layers().size();
    const auto input = [](const Napi::Value& value, std::size_t length, std::vector<float>& copy) -> const float* {
      const float* from = optional_floats(value, "controls", length);
      if (from == nullptr) return nullptr;
      copy.assign(from, from + length);
      return copy.data();
    };
    controls_.learning_rates = input(info[1], replicas * layers, learning_rates_);
    controls_.weight_decays = input(info[2], replicas * layers, weight_decays_);
    controls_.momenta = input(info[3], replicas * layers, momenta_);
    controls_.base_schedule = input(info[7], steps, base_schedule_);
    if (controls_.learning_rates == nullptr) refuse("learning rates are missing");
    const std::size_t lengths[3] = {replicas * layers * kPopulationStatisticCount, replicas * steps, replicas * 3};
    float** pointers[3] = {&outputs_.statistics, &outputs_.training_loss, &outputs_.validation};
    for (std::size_t i = 0; i < 3; ++i) {
      const Napi::Value target = info[4 + i];
      if (i == 2 && absent(target)) break;
      floats(target, "out", lengths[i]);
      results_[i].resize(lengths[i]);
      *pointers[i] = results_[i].data();
      targets_.Value().Set(static_cast<std::uint32_t>(i), target);
    }
  }

  /// Shared memory the population reads, should the handle be disposed meanwhile.
  void keep(Napi::Object views) { targets_.Value().Set("views", views); }

  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    try {
      finished_ = population_->train(steps_, controls_, outputs_);
    } catch (const std::exception& error) {
      SetError(error.what());
    }
  }

  // During the termination of a worker every call into JavaScript fails: nothing may escape from here.
  void OnOK() override {
    *busy_ = false;
    try {
      const Napi::HandleScope scope(Env());
      for (std::size_t i = 0; i < 3; ++i) {
        if (results_[i].empty()) continue;
        const Napi::Value target = targets_.Value().Get(static_cast<std::uint32_t>(i));
        float* to = floats(target, "out", results_[i].size());
        std::memcpy(to, results_[i].data(), results_[i].size() * sizeof(float));
      }
      deferred_.Resolve(Napi::Boolean::New(Env(), finished_));
    } catch (const std::invalid_argument& error) {
      reject("INVALID_ARGUMENT", error.what());
    } catch (...) {
    }
  }
  void OnError(const Napi::Error& error) override {
    *busy_ = false;
    reject("INTERNAL", error.Message().c_str());
  }

 private:
  void reject(const char* code, const char* message) {
    try {
      deferred_.Reject(coded_error(Env(), code, message).Value());
    } catch (...) {
    }
  }

  Napi::Promise::Deferred deferred_;
  std::shared_ptr<Population> population_;
  std::shared_ptr<std::atomic<bool>> busy_;
  std::uint32_t steps_;
  Napi::ObjectReference targets_;  // the caller's arrays, 0 to 2, and the shared views
  std::vector<float> learning_rates_, weight_decays_, momenta_, base_schedule_;
  std::vector<float> results_[3];
  Controls controls_;
  Outputs outputs_;
  bool finished_ = false;
};

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
                         InstanceMethod<&NativePopulation::diverged_flags>("divergedFlags"),
                         InstanceMethod<&NativePopulation::reset>("reset"),
                         InstanceMethod<&NativePopulation::dispose>("dispose"),
                         InstanceMethod<&NativePopulation::bytes>("bytes"),
                     });
}

NativePopulation::NativePopulation(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativePopulation>(info) {
  guarded(info.Env(), [&] {
    const Napi::Object from = object(info[0], "options");
    PopulationOptions options = read_options(from);
    const std::vector<std::uint32_t> seeds = read_seeds(from.Get("seeds"), options.replicas);
    population_ = std::make_shared<Population>(std::move(options), seeds);
    Napi::Object views = Napi::Object::New(info.Env());
    for (const char* name : {"images", "labels", "cancellation"}) views.Set(name, from.Get(name));
    views_ = Napi::Persistent(views);
    account(info.Env());
  });
}

void NativePopulation::account(Napi::Env env) {
  resources_ = HandleResources(env, static_cast<std::int64_t>(population_->bytes()));
}

Population& NativePopulation::open() const {
  if (population_ == nullptr) throw CodedError("DISPOSED", "This population was disposed: open a new one");
  if (*busy_) refuse("A trainAsync call of this population is still running: await it before the next call");
  return *population_;
}

std::uint32_t NativePopulation::replica(Napi::Value value) const {
  return whole(value, "replica", 0, population_->options().replicas - 1);
}

// (steps, learningRates, weightDecays, momenta, statistics, trainingLoss, validation, baseSchedule)
Napi::Value NativePopulation::run(const Napi::CallbackInfo& info, bool store) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    Population& population = open();
    const std::uint32_t steps = whole(info[0], "steps", 1, kMaximumSteps);
    const std::size_t replicas = population.options().replicas, layers = population.plan().table.layers().size();
    Controls controls;
    controls.learning_rates = floats(info[1], "learningRates", replicas * layers);
    controls.weight_decays = optional_floats(info[2], "weightDecays", replicas * layers);
    controls.momenta = optional_floats(info[3], "momenta", replicas * layers);
    controls.base_schedule = optional_floats(info[7], "baseSchedule", steps);
    Outputs outputs;
    outputs.statistics = floats(info[4], "statistics", replicas * layers * kPopulationStatisticCount);
    outputs.training_loss = floats(info[5], "trainingLoss", replicas * steps);
    outputs.validation = optional_floats(info[6], "validation", replicas * 3);
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
    const std::uint32_t steps = whole(info[0], "steps", 1, kMaximumSteps);
    auto work = std::make_unique<TrainWork>(info, population_, busy_, steps);
    const Napi::Promise promise = work->promise();
    work->keep(views_.Value());
    work->Queue();
    *busy_ = true;
    work.release();  // deletes itself when done
    return promise;
  });
}

Napi::Value NativePopulation::evaluate(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    Population& population = open();
    const auto split = static_cast<Split>(whole(info[0], "split", 0, 2));
    if (split == Split::kTest && population.options().test.empty()) refuse("the test split is empty");
    float* out = floats(info[1], "out", std::size_t{2} * population.options().replicas);
    return Napi::Boolean::New(info.Env(), population.evaluate(split, out));
  });
}

Napi::Value NativePopulation::loss_and_gradient(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    Population& population = open();
    const std::uint32_t network = replica(info[0]);
    const std::vector<std::uint32_t> images = read_indices(info[1], "indices", population.options().images);
    if (images.empty() || images.size() > population.maximum_batch()) refuse("bad number of indices");
    float* out = floats(info[2], "out", population.plan().table.parameter_count());
    return Napi::Number::New(info.Env(), population.loss_and_gradient(network, images, out));
  });
}

Napi::Value NativePopulation::save(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    Population& population = open();
    population.save(replica(info[0]));
    account(info.Env());
    return info.Env().Undefined();
  });
}

Napi::Value NativePopulation::restore(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    Population& population = open();
    return Napi::Boolean::New(info.Env(), population.restore(replica(info[0])));
  });
}

Napi::Value NativePopulation::fork(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    Population& population = open();
    population.fork(replica(info[0]), replica(info[1]));
    return info.Env().Undefined();
  });
}

Napi::Value NativePopulation::parameters(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Population& population = open();
    const std::uint32_t network = replica(info[0]);
    population.read_parameters(network, floats(info[1], "out", population.plan().table.parameter_count()));
    return info.Env().Undefined();
  });
}

Napi::Value NativePopulation::set_parameters(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    Population& population = open();
    const std::uint32_t network = replica(info[0]);
    population.write_parameters(network, floats(info[1], "values", population.plan().table.parameter_count()));
    return info.Env().Undefined();
  });
}

Napi::Value NativePopulation::diverged_flags(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const Population& population = open();
    const std::span<std::uint8_t> flags = elements<std::uint8_t>(info[0], "flags", population.options().replicas);
    for (std::uint32_t i = 0; i < flags.size(); ++i) flags[i] = population.diverged(i) ? 1 : 0;
    return info.Env().Undefined();
  });
}

Napi::Value NativePopulation::reset(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    Population& population = open();
    population.reset(read_seeds(info[0], population.options().replicas));
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

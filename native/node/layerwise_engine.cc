#include "node/layerwise_engine.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "cpu/tier.h"
#include "cuda/layerwise_step.h"
#include "node/arguments.h"

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
  read.carry_parameter_norms = options.Get("carryParameterNorms").ToBoolean();
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

cuda::LayerwiseOptions cuda_options(const EngineOptions& engine) {
  const LayerwiseStep::Options& options = engine.step;
  cuda::LayerwiseOptions read;
  read.algorithm = options.algorithm;
  read.hyperparameters = options.hyperparameters;
  read.non_finite = options.non_finite;
  read.clip_layer_norm = options.clip_layer_norm;
  read.clip_global_norm = options.clip_global_norm;
  read.flush_denormals = options.denormals == Denormals::kFlush;
  read.device = *engine.cuda_device;
  read.resident = engine.resident;
  return read;
}

class CpuEngine final : public LayerwiseEngine {
 public:
  CpuEngine(const LayerwiseStep::Options& options, std::span<const ArrayBinding> arrays,
            std::span<const std::uint32_t> arrays_per_layer, std::span<const std::uint8_t> adapt)
      : step_(options, arrays, arrays_per_layer, adapt) {}

  std::size_t layer_count() const override { return step_.layer_count(); }
  std::size_t array_count() const override { return step_.array_count(); }
  std::uint64_t bytes() const override { return step_.bytes(); }
  void step(std::span<const double> controls, float inverse_scale, float* statistics, bool store) override {
    step_.step(controls, inverse_scale, statistics, store);
  }
  void read_steps(std::span<double> out) override {
    std::ranges::transform(step_.steps(), out.begin(), [](std::uint64_t steps) { return static_cast<double>(steps); });
  }
  void write_steps(std::span<const std::uint64_t> steps) override { step_.write_steps(steps); }
  void read_moment(std::size_t array, int which, std::span<float> out) override {
    const std::span<float> values = moment(array, which, out.size());
    std::copy(values.begin(), values.end(), out.begin());
  }
  void write_moment(std::size_t array, int which, std::span<const float> values) override {
    std::copy(values.begin(), values.end(), moment(array, which, values.size()).begin());
    step_.forget_parameter_norms();
  }

 private:
  std::span<float> moment(std::size_t array, int which, std::size_t size) {
    const std::span<float> values = step_.moment(array, which);
    if (values.size() != size) throw std::invalid_argument("the moment has another number of elements");
    return values;
  }

  LayerwiseStep step_;
};

}  // namespace

EngineOptions read_engine_options(Napi::Object options) {
  EngineOptions read{read_options(options), std::nullopt, false};
  if (const Napi::Value device = options.Get("cudaDevice"); !device.IsUndefined()) {
    read.cuda_device = static_cast<int>(integer(device, "cudaDevice", 0, 1023));
  }
  read.resident = options.Get("resident").ToBoolean();
  return read;
}

std::shared_ptr<LayerwiseEngine> make_layerwise_engine(const EngineOptions& options,
                                                       std::span<const ArrayBinding> arrays,
                                                       std::span<const std::uint32_t> arrays_per_layer,
                                                       std::span<const std::uint8_t> adapt) {
  if (!options.cuda_device) return std::make_shared<CpuEngine>(options.step, arrays, arrays_per_layer, adapt);
  std::vector<cuda::HostArray> host_arrays;
  for (const ArrayBinding& array : arrays) {
    host_arrays.push_back({array.parameters, array.gradients, array.size, array.decays});
  }
  return cuda::make_layerwise_step(cuda_options(options), host_arrays, arrays_per_layer, adapt);
}

}  // namespace ganno::node

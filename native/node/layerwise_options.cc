#include "node/layerwise_options.h"

#include "cpu/tier.h"
#include "node/arguments.h"

namespace ganno::node {

namespace {

double number_or(Napi::Value value, const char* name, double missing) {
  return value.IsUndefined() ? missing : number(value, name);
}

}  // namespace

LayerwiseOptions read_layerwise_options(Napi::Object options) {
  LayerwiseOptions read;
  read.algorithm = static_cast<Algorithm>(integer(options.Get("algorithm"), "algorithm", 0, kAlgorithmCount - 1));
  read.non_finite = static_cast<NonFinitePolicy>(integer(options.Get("nonFinite"), "nonFinite", 0, 3));
  read.threads = static_cast<int>(integer(options.Get("threads"), "threads", 1, 256));
  read.flush_denormals = options.Get("flushDenormals").ToBoolean();
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
  if (const Napi::Value device = options.Get("device"); !device.IsUndefined()) {
    read.device = static_cast<int>(integer(device, "device", 0, 1023));
  }
  read.resident = options.Get("resident").ToBoolean();
  return read;
}

}  // namespace ganno::node

// Registers the addon's classes and functions; one file a class, nothing else here.
#include "node/exports.h"

#include "cpu/tier.h"
#include "node/devices.h"
#include "node/errors.h"
#include "node/handles.h"
#include "node/layerwise_plan.h"
#include "node/population.h"
#include "node/random.h"

namespace ganno::node {

namespace {

Napi::Value cpu_tiers(const Napi::CallbackInfo& info) {
  const auto& tiers = available_tiers();
  Napi::Array names = Napi::Array::New(info.Env(), tiers.size());
  for (std::uint32_t i = 0; i < tiers.size(); ++i)
    names[i] = Napi::String::New(info.Env(), std::string(tier_name(tiers[i])));
  return names;
}

Napi::Value cpu_tier(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    return Napi::String::New(info.Env(), std::string(tier_name(selected_tier())));
  });
}

Napi::Value count_live_handles(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(live_handles.load()));
}

}  // namespace

Napi::Object add_exports(Napi::Env env, Napi::Object exports) {
  exports["cpuTiers"] = Napi::Function::New<cpu_tiers>(env, "cpuTiers");
  exports["cpuTier"] = Napi::Function::New<cpu_tier>(env, "cpuTier");
  exports["cudaDevices"] = Napi::Function::New<cuda_devices>(env, "cudaDevices");
  exports["cublasLibrary"] = Napi::Function::New<cublas_library>(env, "cublasLibrary");
  exports["randomBlocks"] = Napi::Function::New<random_blocks>(env, "randomBlocks");
  exports["liveHandles"] = Napi::Function::New<count_live_handles>(env, "liveHandles");
  exports["LayerwisePlan"] = layerwise_plan_class(env);
  exports["NativePopulation"] = NativePopulation::define(env);
  return exports;
}

}  // namespace ganno::node

// Registers the addon's classes and functions; one file a class, nothing else here.
#include "cpu/tier.h"
#include "node/device_ceilings.h"
#include "node/devices.h"
#include "node/errors.h"
#include "node/fma_peak.h"
#include "node/handles.h"
#include "node/napi_setup.h"
#include "node/optimizer.h"
#include "node/population.h"
#include "node/random.h"
#include "node/stream_ceiling.h"
#if defined(GANNO_CUDA_EMULATED)
#include "node/emulation/emulation.h"
#endif

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

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports["cpuTiers"] = Napi::Function::New<cpu_tiers>(env, "cpuTiers");
  exports["cpuTier"] = Napi::Function::New<cpu_tier>(env, "cpuTier");
  exports["cudaDevices"] = Napi::Function::New<cuda_devices>(env, "cudaDevices");
  exports["cublasLibrary"] = Napi::Function::New<cublas_library>(env, "cublasLibrary");
  exports["measureDeviceCopy"] = Napi::Function::New<measure_device_copy>(env, "measureDeviceCopy");
  exports["measureDeviceFma"] = Napi::Function::New<measure_device_fma>(env, "measureDeviceFma");
  exports["measureFmaPeak"] = Napi::Function::New<measure_fma_peak>(env, "measureFmaPeak");
  exports["randomBlocks"] = Napi::Function::New<random_blocks>(env, "randomBlocks");
  exports["liveHandles"] = Napi::Function::New<count_live_handles>(env, "liveHandles");
  exports["LayerwisePlan"] = layerwise_plan_class(env);
  exports["NativePopulation"] = NativePopulation::define(env);
  exports["StreamCeiling"] = stream_ceiling_class(env);
#if defined(GANNO_CUDA_EMULATED)
  exports["emulation"] = emulation_exports(env);
#endif
  return exports;
}

}  // namespace

NODE_API_MODULE(ganno, initialize)

}  // namespace ganno::node

// Registers the addon's classes and functions; one file a class, nothing else here.
#include "cpu/tier.h"
#include "node/fma_peak.h"
#include "node/napi_setup.h"

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
  try {
    return Napi::String::New(info.Env(), std::string(tier_name(selected_tier())));
  } catch (const std::exception& error) {
    throw Napi::Error::New(info.Env(), error.what());
  }
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  exports["cpuTiers"] = Napi::Function::New<cpu_tiers>(env, "cpuTiers");
  exports["cpuTier"] = Napi::Function::New<cpu_tier>(env, "cpuTier");
  exports["measureFmaPeak"] = Napi::Function::New<measure_fma_peak>(env, "measureFmaPeak");
  return exports;
}

}  // namespace

NODE_API_MODULE(ganno, initialize)

}  // namespace ganno::node

#include "node/fma_peak.h"

#include "cpu/fma_peak.h"
#include "node/errors.h"

namespace ganno::node {

Napi::Value measure_fma_peak(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() != 3 || !info[0].IsString() || !info[1].IsNumber() || !info[2].IsNumber()) {
    throw Napi::TypeError::New(env, "measureFmaPeak takes a tier's name, milliseconds and a number of threads");
  }
  const double milliseconds = info[1].As<Napi::Number>().DoubleValue();
  const double threads = info[2].As<Napi::Number>().DoubleValue();
  if (!(milliseconds > 0 && milliseconds <= 60'000) || !(threads >= 1 && threads <= 1024)) {
    throw Napi::RangeError::New(env, "measureFmaPeak takes 0 to 60000 milliseconds and 1 to 1024 threads");
  }
  return guarded(env, [&]() -> Napi::Value {
    const auto runs = ganno::measure_fma_peak(tier_from_name(info[0].As<Napi::String>().Utf8Value()), milliseconds,
                                              static_cast<int>(threads));
    Napi::Array result = Napi::Array::New(env, runs.size());
    for (std::uint32_t i = 0; i < runs.size(); ++i) {
      Napi::Object run = Napi::Object::New(env);
      run["operations"] = Napi::Number::New(env, runs[i].operations);
      run["wallSeconds"] = Napi::Number::New(env, runs[i].wall_seconds);
      run["cpuSeconds"] = Napi::Number::New(env, runs[i].cpu_seconds);
      result[i] = run;
    }
    return result;
  });
}

}  // namespace ganno::node

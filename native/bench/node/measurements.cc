// The functions that return a measurement, and the registration of all that benchmarks call.
#include "bench/cpu/fma_peak.h"
#include "bench/cuda/ceilings.h"
#include "bench/node/exports.h"
#include "bench/node/stream_ceiling.h"
#include "node/arguments.h"
#include "node/errors.h"
#include "node/layerwise_plan.h"

namespace ganno::node {

namespace {

int device_number(Napi::Value value) {
  return static_cast<int>(integer(value, "device", 0, 1023));
}

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

Napi::Value measure_device_copy(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto bytes = static_cast<std::uint64_t>(integer(info[1], "bytes", 1, std::int64_t{1} << 40));
    const auto copies = static_cast<std::uint32_t>(integer(info[2], "copies", 1, 1'000'000));
    return Napi::Number::New(info.Env(), cuda::measure_device_copy(device_number(info[0]), bytes, copies));
  });
}

Napi::Value measure_device_fma(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto iterations = static_cast<std::uint32_t>(integer(info[1], "iterations", 1, 100'000'000));
    const cuda::DeviceFmaRun run = cuda::measure_device_fma(device_number(info[0]), iterations);
    Napi::Object result = Napi::Object::New(info.Env());
    result["operations"] = Napi::Number::New(info.Env(), run.operations);
    result["seconds"] = Napi::Number::New(info.Env(), run.seconds);
    result["checksum"] = Napi::Number::New(info.Env(), run.checksum);
    return result;
  });
}

Napi::Value timed_steps(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto inverse_scale = static_cast<float>(number(info[2], "inverseScale"));
    const auto count = static_cast<std::uint32_t>(integer(info[3], "count", 1, 1'000'000));
    const auto [step, controls] = step_of(info[0]);
    return Napi::Number::New(info.Env(), step.timed_steps(controls, inverse_scale, info[1].ToBoolean(), count));
  });
}

}  // namespace

Napi::Object add_bench_exports(Napi::Env env, Napi::Object exports) {
  exports["measureFmaPeak"] = Napi::Function::New<measure_fma_peak>(env, "measureFmaPeak");
  exports["measureDeviceCopy"] = Napi::Function::New<measure_device_copy>(env, "measureDeviceCopy");
  exports["measureDeviceFma"] = Napi::Function::New<measure_device_fma>(env, "measureDeviceFma");
  exports["timedSteps"] = Napi::Function::New<timed_steps>(env, "timedSteps");
  exports["LayerwisePlan"] = layerwise_plan_class(env);
  exports["StreamCeiling"] = stream_ceiling_class(env);
  return exports;
}

}  // namespace ganno::node

// ganno-emulated.node: all exports of ganno.node and ganno-bench.node, and the object `emulation`, through which tests
// change the emulated machine (test/support/emulation.ts).
#include <string>

#include "bench/node/exports.h"
#include "cuda/emulation/broken_kernels.h"
#include "cuda/emulation/calls.h"
#include "cuda/emulation/faults.h"
#include "cuda/emulation/runtime_api.h"
#include "node/arguments.h"
#include "node/errors.h"
#include "node/exports.h"

namespace ganno::node {

namespace {

using namespace cuda::emulation;

void configure_machine(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] {
    const Napi::Object given = object(info[0], "machine");
    Machine machine;
    const auto read = [&](const char* name, auto& field) {
      if (const Napi::Value value = given.Get(name); !value.IsUndefined()) {
        field = static_cast<std::remove_reference_t<decltype(field)>>(number(value, name));
      }
    };
    read("driverVersion", machine.driver_version);
    read("devices", machine.devices);
    read("memory", machine.memory);
    read("multiprocessors", machine.multiprocessors);
    read("seed", machine.seed);
    read("failAfter", machine.fail_after);
    read("failWith", machine.fail_with);
    configure(machine);
  });
}

Napi::Value report(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), last_report());
}

Napi::Value allocated(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(allocated_bytes()));
}

Napi::Value calls(const Napi::CallbackInfo& info) {
  const std::vector<std::string> names = recorded_calls();
  Napi::Array list = Napi::Array::New(info.Env(), names.size());
  for (std::uint32_t i = 0; i < names.size(); ++i) list[i] = Napi::String::New(info.Env(), names[i]);
  return list;
}

void break_next(const Napi::CallbackInfo& info) {
  guarded(info.Env(), [&] { break_kernel(static_cast<int>(number(info[0], "after"))); });
}

Napi::Value broken_kernels(const Napi::CallbackInfo& info) {
  const auto names = broken_kernel_names();
  Napi::Array list = Napi::Array::New(info.Env(), names.size());
  for (std::uint32_t i = 0; i < names.size(); ++i) list[i] = Napi::String::New(info.Env(), std::string(names[i]));
  return list;
}

Napi::Value run(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const std::string name = info[0].ToString().Utf8Value();
    return Napi::String::New(info.Env(), run_kernel(name, info[1].ToBoolean().Value()));
  });
}

Napi::Object emulation_exports(Napi::Env env) {
  Napi::Object exports = Napi::Object::New(env);
  exports["configure"] = Napi::Function::New<configure_machine>(env, "configure");
  exports["report"] = Napi::Function::New<report>(env, "report");
  exports["allocatedBytes"] = Napi::Function::New<allocated>(env, "allocatedBytes");
  exports["calls"] = Napi::Function::New<calls>(env, "calls");
  exports["breakKernel"] = Napi::Function::New<break_next>(env, "breakKernel");
  exports["brokenKernels"] = Napi::Function::New<broken_kernels>(env, "brokenKernels");
  exports["runKernel"] = Napi::Function::New<run>(env, "runKernel");
  return exports;
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  add_exports(env, exports);
  add_bench_exports(env, exports);
  exports["emulation"] = emulation_exports(env);
  return exports;
}

}  // namespace

NODE_API_MODULE(ganno_emulated, initialize)

}  // namespace ganno::node

#include "node/device_ceilings.h"

#include "cuda/ceilings.h"
#include "node/arguments.h"
#include "node/errors.h"

namespace ganno::node {

namespace {

int device_number(Napi::Value value) {
  return static_cast<int>(integer(value, "device", 0, 1023));
}

}  // namespace

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

}  // namespace ganno::node

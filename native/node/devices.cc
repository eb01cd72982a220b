#include "node/devices.h"

#include "cuda/devices.h"
#include "node/errors.h"

namespace ganno::node {

Napi::Value cuda_devices(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&]() -> Napi::Value {
    const cuda::Devices found = cuda::find_devices();
    Napi::Array devices = Napi::Array::New(env, found.devices.size());
    for (std::uint32_t i = 0; i < found.devices.size(); ++i) {
      const cuda::DeviceDescription& device = found.devices[i];
      Napi::Object described = Napi::Object::New(env);
      described["name"] = Napi::String::New(env, device.name);
      described["memory"] = Napi::Number::New(env, static_cast<double>(device.memory));
      described["freeMemory"] = Napi::Number::New(env, static_cast<double>(device.free_memory));
      described["multiprocessors"] = Napi::Number::New(env, device.multiprocessors);
      described["computeCapability"] =
          Napi::String::New(env, std::to_string(device.major) + "." + std::to_string(device.minor));
      devices[i] = described;
    }
    Napi::Object result = Napi::Object::New(env);
    result["devices"] = devices;
    result["reason"] = Napi::String::New(env, found.reason);
    result["driverVersion"] = Napi::Number::New(env, found.driver_version);
    result["runtimeVersion"] = Napi::Number::New(env, found.runtime_version);
    return result;
  });
}

Napi::Value cublas_library(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&]() -> Napi::Value {
    const cuda::CublasLibrary found = cuda::cublas_library();
    Napi::Object result = Napi::Object::New(env);
    result["name"] = Napi::String::New(env, found.name);
    result["reason"] = Napi::String::New(env, found.reason);
    return result;
  });
}

}  // namespace ganno::node

#include "node/background_work.h"

#include <algorithm>
#include <new>
#include <utility>

#include "core/error.h"
#include "node/arguments.h"
#include "node/errors.h"

namespace ganno::node {

BackgroundWork::BackgroundWork(Napi::Env env, const char* name, Busy busy)
    : Napi::AsyncWorker(env, name),
      deferred_(Napi::Promise::Deferred::New(env)),
      busy_(std::move(busy)),
      held_(Napi::Persistent(Napi::Array::New(env).As<Napi::Object>())) {}

Napi::Promise BackgroundWork::start(std::unique_ptr<BackgroundWork> work) {
  const Napi::Promise promise = work->deferred_.Promise();
  work->Queue();
  *work->busy_ = true;
  work.release();  // deletes itself when done
  return promise;
}

void BackgroundWork::hold(Napi::Value value) {
  held_.Value().Set(held_count_++, value);
}

float* BackgroundWork::output(Napi::Value target, std::size_t length) {
  elements<float>(target, "out", length);
  outputs_.push_back({held_count_, std::vector<float>(length)});
  hold(target);
  return outputs_.back().values.data();
}

void BackgroundWork::Execute() {
  try {
    run();
  } catch (const CodedError& error) {
    error_code_ = error.code();
    SetError(error.what());
  } catch (const std::bad_alloc&) {
    error_code_ = "OUT_OF_MEMORY";
    SetError("Not enough memory");
  } catch (const std::exception& error) {
    SetError(error.what());
  }
}

// During the termination of a worker every call into JavaScript fails: nothing may escape from the two below.
void BackgroundWork::OnOK() {
  *busy_ = false;
  try {
    const Napi::HandleScope scope(Env());
    for (const Output& output : outputs_) {
      const auto to = elements<float>(held_.Value().Get(output.target), "out", output.values.size());
      std::copy(output.values.begin(), output.values.end(), to.begin());
    }
    deferred_.Resolve(result());
  } catch (const std::invalid_argument& error) {
    reject("INVALID_ARGUMENT", error.what());
  } catch (...) {
  }
}

void BackgroundWork::OnError(const Napi::Error& error) {
  *busy_ = false;
  reject(error_code_, error.Message().c_str());
}

void BackgroundWork::reject(const char* code, const char* message) {
  try {
    deferred_.Reject(coded_error(Env(), code, message).Value());
  } catch (...) {
  }
}

StepWork::StepWork(Napi::Env env, Busy busy, std::function<void(float*)> step, Napi::Value statistics,
                   std::size_t statistic_count)
    : BackgroundWork(env, "ganno.step", std::move(busy)), step_(std::move(step)) {
  if (!statistics.IsUndefined()) statistics_ = output(statistics, statistic_count);
}

}  // namespace ganno::node

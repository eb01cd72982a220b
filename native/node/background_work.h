#pragma once
// A native call on a thread of libuv's pool, and the promise for it.
#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "node/napi_setup.h"

namespace ganno::node {

/// Set while work of a handle is in flight; shared by the handle and the work, either of which may go first.
using Busy = std::shared_ptr<std::atomic<bool>>;

/// Reads copies of the caller's small arguments and writes results into memory of its own, which goes to the caller's
/// arrays at the end: those may be detached meanwhile. Deletes itself when done.
class BackgroundWork : public Napi::AsyncWorker {
 public:
  /// Queues the work. @returns the promise for it
  static Napi::Promise start(std::unique_ptr<BackgroundWork> work);

  /// Keeps `value`, and with it memory that the work reads or writes, should the handle be disposed or forgotten.
  void hold(Napi::Value value);

 protected:
  /// @param busy cleared when done
  BackgroundWork(Napi::Env env, const char* name, Busy busy);

  /// On the other thread. What it throws rejects the promise.
  virtual void run() = 0;
  /// Back on JavaScript's thread: what the promise resolves with.
  virtual Napi::Value result() = 0;
  /// Zeroed memory for `length` results that `target` gets just before the promise resolves.
  /// @throws std::invalid_argument when `target` is no Float32Array of that length
  float* output(Napi::Value target, std::size_t length);

 private:
  void Execute() final;
  void OnOK() final;
  void OnError(const Napi::Error& error) final;
  void reject(const char* code, const char* message);

  struct Output {
    std::uint32_t target;  // its index in held_
    std::vector<float> values;
  };

  Napi::Promise::Deferred deferred_;
  Busy busy_;
  Napi::ObjectReference held_;  // an array
  std::uint32_t held_count_ = 0;
  std::vector<Output> outputs_;
  const char* error_code_ = "INTERNAL";
};

/// An optimiser step.
class StepWork : public BackgroundWork {
 public:
  /// @param step called on the other thread with where statistics go, or null
  /// @param statistics the caller's array of `statistic_count` elements, or undefined
  StepWork(Napi::Env env, Busy busy, std::function<void(float*)> step, Napi::Value statistics,
           std::size_t statistic_count);

 private:
  void run() override { step_(statistics_); }
  Napi::Value result() override { return Env().Undefined(); }

  std::function<void(float*)> step_;
  float* statistics_ = nullptr;
};

}  // namespace ganno::node

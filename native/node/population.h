#pragma once
#include <atomic>
#include <memory>

#include "core/population.h"
#include "node/background_work.h"
#include "node/handles.h"
#include "node/napi_setup.h"

namespace ganno::node {

/// The handle of a PopulationEngine (binding.d.ts: NativePopulation).
class NativePopulation : public Napi::ObjectWrap<NativePopulation> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit NativePopulation(const Napi::CallbackInfo& info);

 private:
  Napi::Value train(const Napi::CallbackInfo& info);
  Napi::Value train_async(const Napi::CallbackInfo& info);
  Napi::Value probe(const Napi::CallbackInfo& info);
  Napi::Value evaluate(const Napi::CallbackInfo& info);
  Napi::Value loss_and_gradient(const Napi::CallbackInfo& info);
  void save(const Napi::CallbackInfo& info);
  Napi::Value restore(const Napi::CallbackInfo& info);
  Napi::Value fork(const Napi::CallbackInfo& info);
  void parameters(const Napi::CallbackInfo& info);
  void set_parameters(const Napi::CallbackInfo& info);
  void running_statistics(const Napi::CallbackInfo& info);
  void set_running_statistics(const Napi::CallbackInfo& info);
  void validation_logits(const Napi::CallbackInfo& info);
  Napi::Value diverged_flags(const Napi::CallbackInfo& info);
  Napi::Value reset(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);
  Napi::Value bytes(const Napi::CallbackInfo& info);

  PopulationEngine& open() const;
  std::uint32_t network_index(Napi::Value value) const;
  /// Runs `action(population, network)`, with the number of a network that the first argument is.
  template <typename Action>
  void on_network(const Napi::CallbackInfo& info, Action&& action);
  Napi::Value run(const Napi::CallbackInfo& info, bool store);
  void account(Napi::Env env);

  std::shared_ptr<PopulationEngine> population_;  // shared with work in flight
  Busy busy_ = std::make_shared<std::atomic<bool>>(false);
  // Views over SharedArrayBuffers (images, labels, cancellation): kept so that their memory stays.
  Napi::ObjectReference views_;
  HandleResources resources_;
};

}  // namespace ganno::node

#pragma once
// One train call on a thread of libuv's pool.
#include <atomic>
#include <memory>
#include <vector>

#include "core/population.h"
#include "node/napi_setup.h"

namespace ganno::node {

/// Works on copies: the caller's arrays may be detached meanwhile. Deletes itself when done.
class TrainWork : public Napi::AsyncWorker {
 public:
  /// @param info as NativePopulation.train @param busy cleared when done
  /// @throws std::invalid_argument
  TrainWork(const Napi::CallbackInfo& info, std::shared_ptr<PopulationEngine> population,
            std::shared_ptr<std::atomic<bool>> busy, std::uint32_t steps);

  /// Shared memory the population reads, should the handle be disposed meanwhile.
  void keep(Napi::Object views);
  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override;
  void OnOK() override;
  void OnError(const Napi::Error& error) override;

 private:
  void reject(const char* code, const char* message);

  Napi::Promise::Deferred deferred_;
  std::shared_ptr<PopulationEngine> population_;
  std::shared_ptr<std::atomic<bool>> busy_;
  std::uint32_t steps_;
  Napi::ObjectReference targets_;  // the caller's arrays, 0 to 2, and the shared views
  std::vector<float> learning_rates_, weight_decays_, momenta_, base_schedule_;
  std::vector<float> results_[3];
  Controls controls_;
  Outputs outputs_;
  bool finished_ = false;
};

}  // namespace ganno::node

#pragma once
// One train call on a thread of libuv's pool.
#include <memory>
#include <vector>

#include "core/population.h"
#include "node/background_work.h"

namespace ganno::node {

class TrainWork : public BackgroundWork {
 public:
  /// @param info as NativePopulation.train
  /// @throws std::invalid_argument
  TrainWork(const Napi::CallbackInfo& info, std::shared_ptr<PopulationEngine> population, Busy busy,
            std::uint32_t steps);

 private:
  void run() override;
  Napi::Value result() override;

  std::shared_ptr<PopulationEngine> population_;
  std::uint32_t steps_;
  std::vector<float> learning_rates_, weight_decays_, momenta_, base_schedule_;
  Controls controls_;
  Outputs outputs_;
  bool finished_ = false;
};

}  // namespace ganno::node

#include "node/train_work.h"

#include <stdexcept>
#include <utility>

#include "node/population_options.h"

namespace ganno::node {

TrainWork::TrainWork(const Napi::CallbackInfo& info, std::shared_ptr<PopulationEngine> population, Busy busy,
                     std::uint32_t steps)
    : BackgroundWork(info.Env(), "ganno.train", std::move(busy)), population_(std::move(population)), steps_(steps) {
  const PopulationOptions& options = population_->options();
  const std::size_t networks = options.networks, layers = population_->table().layers().size();
  const auto input = [](const Napi::Value& value, std::size_t length, std::vector<float>& copy) -> const float* {
    const float* from = optional_floats(value, "controls", length);
    if (from == nullptr) return nullptr;
    copy.assign(from, from + length);
    return copy.data();
  };
  controls_.learning_rates = input(info[1], networks * layers, learning_rates_);
  controls_.weight_decays = input(info[2], networks * layers, weight_decays_);
  controls_.momenta = input(info[3], networks * layers, momenta_);
  controls_.base_schedule = input(info[7], steps, base_schedule_);
  if (controls_.learning_rates == nullptr) throw std::invalid_argument("learning rates are missing");
  outputs_.statistics = output(info[4], networks * layers * kPopulationStatisticCount);
  outputs_.training_loss = output(info[5], networks * steps);
  if (!absent(info[6])) outputs_.validation = output(info[6], networks * 3);
}

void TrainWork::run() {
  finished_ = population_->train(steps_, controls_, outputs_);
}

Napi::Value TrainWork::result() {
  return Napi::Boolean::New(Env(), finished_);
}

}  // namespace ganno::node

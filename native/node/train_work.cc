#include "node/train_work.h"

#include <cstring>
#include <stdexcept>
#include <utility>

#include "node/errors.h"
#include "node/population_options.h"

namespace ganno::node {

TrainWork::TrainWork(const Napi::CallbackInfo& info, std::shared_ptr<PopulationEngine> population,
                     std::shared_ptr<std::atomic<bool>> busy, std::uint32_t steps)
    : Napi::AsyncWorker(info.Env(), "ganno.train"),
      deferred_(Napi::Promise::Deferred::New(info.Env())),
      population_(std::move(population)),
      busy_(std::move(busy)),
      steps_(steps),
      targets_(Napi::Persistent(Napi::Object::New(info.Env()))) {
  const PopulationOptions& options = population_->options();
  const std::size_t replicas = options.replicas, layers = population_->table().layers().size();
  const auto input = [](const Napi::Value& value, std::size_t length, std::vector<float>& copy) -> const float* {
    const float* from = optional_floats(value, "controls", length);
    if (from == nullptr) return nullptr;
    copy.assign(from, from + length);
    return copy.data();
  };
  controls_.learning_rates = input(info[1], replicas * layers, learning_rates_);
  controls_.weight_decays = input(info[2], replicas * layers, weight_decays_);
  controls_.momenta = input(info[3], replicas * layers, momenta_);
  controls_.base_schedule = input(info[7], steps, base_schedule_);
  if (controls_.learning_rates == nullptr) throw std::invalid_argument("learning rates are missing");
  const std::size_t lengths[3] = {replicas * layers * kPopulationStatisticCount, replicas * steps, replicas * 3};
  float** pointers[3] = {&outputs_.statistics, &outputs_.training_loss, &outputs_.validation};
  for (std::size_t i = 0; i < 3; ++i) {
    const Napi::Value target = info[4 + i];
    if (i == 2 && absent(target)) break;
    floats(target, "out", lengths[i]);
    results_[i].resize(lengths[i]);
    *pointers[i] = results_[i].data();
    targets_.Value().Set(static_cast<std::uint32_t>(i), target);
  }
}

void TrainWork::keep(Napi::Object views) {
  targets_.Value().Set("views", views);
}

void TrainWork::Execute() {
  try {
    finished_ = population_->train(steps_, controls_, outputs_);
  } catch (const std::exception& error) {
    SetError(error.what());
  }
}

// During the termination of a worker every call into JavaScript fails: nothing may escape from the two below.
void TrainWork::OnOK() {
  *busy_ = false;
  try {
    const Napi::HandleScope scope(Env());
    for (std::size_t i = 0; i < 3; ++i) {
      if (results_[i].empty()) continue;
      const Napi::Value target = targets_.Value().Get(static_cast<std::uint32_t>(i));
      float* to = floats(target, "out", results_[i].size());
      std::memcpy(to, results_[i].data(), results_[i].size() * sizeof(float));
    }
    deferred_.Resolve(Napi::Boolean::New(Env(), finished_));
  } catch (const std::invalid_argument& error) {
    reject("INVALID_ARGUMENT", error.what());
  } catch (...) {
  }
}

void TrainWork::OnError(const Napi::Error& error) {
  *busy_ = false;
  reject("INTERNAL", error.Message().c_str());
}

void TrainWork::reject(const char* code, const char* message) {
  try {
    deferred_.Reject(coded_error(Env(), code, message).Value());
  } catch (...) {
  }
}

}  // namespace ganno::node

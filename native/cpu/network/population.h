#pragma once
// N child networks of one shape, trained side by side. No Node here.
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/optimizer_rule.h"
#include "core/statistics.h"
#include "cpu/network/network.h"
#include "cpu/network/pass.h"
#include "cpu/network/plan.h"

namespace ganno {

struct PopulationOptions {
  ImageShape input;
  std::vector<LayerSpec> layers;
  std::uint32_t replicas = 0;
  std::uint32_t batch_size = 0;
  Algorithm algorithm = Algorithm::kSgd;
  Hyperparameters hyperparameters;
  Tier tier = Tier::kBaseline;
  int threads = 1;
  ImageSource source;                                  // kept alive by the caller
  std::size_t images = 0;                              // how many there are
  std::vector<std::uint32_t> train, validation, test;  // image numbers, checked by the caller
  std::uint32_t slice_size = 0;                        // at most train.size()
  std::uint32_t validation_size = 0;                   // at most validation.size()
  std::vector<double> mean, standard_deviation;        // [channels]
  double memory_limit = 0;                             // bytes all this may take; more is std::bad_alloc
  const std::int32_t* cancellation = nullptr;          // polled every inner step; non-zero stops
};

/// [replicas x layers] each; null: the hyperparameters' own value.
struct Controls {
  const float* learning_rates = nullptr;
  const float* weight_decays = nullptr;
  const float* momenta = nullptr;
  const float* base_schedule = nullptr;  // [steps], multiplies the learning rates; null: 1
};

struct Outputs {
  float* statistics = nullptr;     // [replicas x layers x 16]
  float* training_loss = nullptr;  // [replicas x steps]
  float* validation = nullptr;     // [replicas x 3] or null
};

/// Reported in place of a loss that is not a finite number.
inline constexpr float kDivergedLoss = 1e6f;

enum class Split : std::uint32_t { kTrain, kValidation, kTest };

class Population {
 public:
  Population(PopulationOptions options, std::span<const std::uint32_t> seeds);
  ~Population();

  /// @return false when cancelled: networks have then taken different numbers of steps.
  bool train(std::uint32_t steps, const Controls& controls, const Outputs& outputs);
  /// As train, without changing anything but the logits that the next validation is compared with.
  bool probe(std::uint32_t batches, const Controls& controls, const Outputs& outputs);
  /// @param out [replicas x 2]: mean loss, accuracy. @return false when cancelled
  bool evaluate(Split split, float* out);
  /// Mean loss of the images and its gradient; dropout off. @param out [parameter_count]
  double loss_and_gradient(std::uint32_t replica, std::span<const std::uint32_t> images, float* out);

  void reset(std::span<const std::uint32_t> seeds);
  void save(std::uint32_t replica);
  bool restore(std::uint32_t replica);  // false when nothing was saved
  void fork(std::uint32_t from, std::uint32_t to);
  void read_parameters(std::uint32_t replica, float* out) const;
  void write_parameters(std::uint32_t replica, const float* values);
  bool diverged(std::uint32_t replica) const { return networks_[replica].state.diverged; }

  const NetworkPlan& plan() const { return plan_; }
  const PopulationOptions& options() const { return options_; }
  std::uint32_t maximum_batch() const { return static_cast<std::uint32_t>(plan_.capacity); }
  /// Native memory held.
  std::size_t bytes() const;

 private:
  struct Worker;
  class Lease;

  template <typename Function>
  bool each_network(Function function);
  bool cancelled() const;
  std::size_t state_bytes() const;
  void initialize(Network& network, std::uint32_t seed);
  void train_network(Worker& worker, std::uint32_t replica, std::uint32_t steps, bool store, const Controls& controls,
                     const Outputs& outputs);
  void step_layers(Worker& worker, std::uint32_t replica, std::uint32_t step, bool store, const Controls& controls);
  void validate(Worker& worker, Network& network, float* out);
  void evaluate_network(Worker& worker, Network& network, Split split, float* out);
  std::size_t arena() const { return static_cast<std::size_t>(plan_.table.arena_size()); }

  PopulationOptions options_;
  NetworkPlan plan_;
  std::vector<std::uint32_t> validation_images_;
  std::vector<Network> networks_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Worker*> idle_;
  std::mutex idle_mutex_;
};

}  // namespace ganno

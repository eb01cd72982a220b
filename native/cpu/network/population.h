#pragma once
// The population of the CPU: networks shared out over threads.
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/population.h"
#include "core/statistics.h"
#include "cpu/network/network.h"
#include "cpu/network/pass.h"
#include "cpu/network/plan.h"

namespace ganno {

class Population final : public PopulationEngine {
 public:
  /// @param threads of a call, this one included
  Population(PopulationOptions options, std::span<const std::uint32_t> seeds, Tier tier, int threads);
  ~Population() override;

  bool train(std::uint32_t steps, const Controls& controls, const Outputs& outputs) override;
  bool probe(std::uint32_t batches, const Controls& controls, const Outputs& outputs) override;
  bool evaluate(Split split, float* out) override;
  double loss_and_gradient(std::uint32_t index, std::span<const std::uint32_t> images, float* out) override;

  void reset(std::span<const std::uint32_t> seeds) override;
  void save(std::uint32_t index) override;
  bool restore(std::uint32_t index) override;
  void fork(std::uint32_t from, std::uint32_t to) override;
  void read_parameters(std::uint32_t index, float* out) const override;
  void write_parameters(std::uint32_t index, const float* values) override;
  void read_running(std::uint32_t index, float* out) const override;
  void write_running(std::uint32_t index, const float* values) override;
  void read_logits(std::uint32_t index, float* out) const override;
  void diverged(std::uint8_t* flags) const override;

  const PopulationOptions& options() const override { return options_; }
  const LayerTable& table() const override { return plan_.table; }
  std::size_t running_values() const override { return static_cast<std::size_t>(plan_.running_values); }
  std::size_t logit_count() const override { return networks_.front().state.logits.size(); }
  std::size_t bytes() const override;

 private:
  struct Worker;
  class Lease;

  template <typename Function>
  bool each_network(Function function);
  bool cancelled() const;
  std::size_t state_floats() const;
  std::size_t state_bytes() const;
  /// A network's running statistics: behind its arenas.
  float* running_of(const NetworkState& state) const { return state.arenas.data() + state_floats() - running_values(); }
  void initialize(Network& network, std::uint32_t seed);
  void train_network(Worker& worker, std::uint32_t index, std::uint32_t steps, bool store, const Controls& controls,
                     const Outputs& outputs);
  void step_layers(Worker& worker, std::uint32_t index, std::uint32_t step, bool store, const Controls& controls);
  void validate(Worker& worker, Network& network, float* out);
  void evaluate_network(Worker& worker, Network& network, Split split, float* out);
  std::size_t arena() const { return static_cast<std::size_t>(plan_.table.arena_size()); }

  PopulationOptions options_;
  Tier tier_;
  int threads_;
  NetworkPlan plan_;
  std::vector<std::uint32_t> validation_images_;
  std::vector<Network> networks_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Worker*> idle_;
  std::mutex idle_mutex_;
};

}  // namespace ganno

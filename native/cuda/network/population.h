#pragma once
// The population of a CUDA device: all networks at once, a graph of launches for every interval.
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/error.h"
#include "core/population.h"
#include "cuda/cublas.h"
#include "cuda/device.h"
#include "cuda/network/pass.h"
#include "cuda/network/plan.h"
#include "cuda/network/shared_bytes.h"
#include "cuda/network/state.h"
#include "cuda/network/step.h"

namespace ganno::cuda {

/// Networks are trained in waves of as many as the workspace has room for, usually all. A wave takes its steps in parts
/// of at most kPartSteps, each one launch of a graph; after each, and nowhere else, the host waits, takes the training
/// losses and looks at the cancellation flag: an interval of one part, all networks in one wave, is one launch and one
/// wait. What a network does depends neither on waves nor on parts.
class Population final : public PopulationEngine {
 public:
  /// @param device number of a CUDA device
  /// @throws std::invalid_argument, CodedError OUT_OF_MEMORY, INTERNAL
  Population(PopulationOptions options, std::span<const std::uint32_t> seeds, int device);
  ~Population() override;

  bool train(std::uint32_t steps, const Controls& controls, const Outputs& outputs) override;
  bool probe(std::uint32_t batches, const Controls& controls, const Outputs& outputs) override;
  bool evaluate(Split split, float* out) override;
  double loss_and_gradient(std::uint32_t network, std::span<const std::uint32_t> images, float* out) override;

  void reset(std::span<const std::uint32_t> seeds) override;
  void save(std::uint32_t network) override;
  bool restore(std::uint32_t network) override;
  void fork(std::uint32_t from, std::uint32_t to) override;
  void read_parameters(std::uint32_t network, float* out) const override;
  void write_parameters(std::uint32_t network, const float* values) override;
  void read_running(std::uint32_t network, float* out) const override;
  void write_running(std::uint32_t network, const float* values) override;
  void read_logits(std::uint32_t network, float* out) const override;
  void diverged(std::uint8_t* flags) const override;

  const PopulationOptions& options() const override { return options_; }
  const LayerTable& table() const override { return plan_.shape.table; }
  std::size_t running_values() const override { return static_cast<std::size_t>(plan_.shape.running_values); }
  std::size_t logit_count() const override { return logits_floats(); }
  std::size_t bytes() const override;

 private:
  /// Steps of a graph at most: a decision interval of up to so many is one launch.
  static constexpr std::uint32_t kPartSteps = 64;

  struct Saved {
    DeviceBuffer<float> values;  // parameters and moments, then logits, then running statistics
    DeviceBuffer<NetworkStatus> status;
  };
  struct Wave {
    std::uint32_t first, networks;
  };
  struct PartKey {
    std::uint32_t first, steps;
    bool store, validates;
    auto operator<=>(const PartKey&) const = default;
  };

  /// Runs a call's body on the device; after a CUDA error every further call is refused.
  template <typename Body>
  auto on_device(Body&& body) const;
  bool cancelled() const;
  std::vector<Wave> waves() const;
  void allocate();
  void allocate_wave();
  std::uint32_t networks_that_fit() const;
  void upload_dataset();
  void open_cublas();
  bool run(std::uint32_t steps, bool store, const Controls& controls, const Outputs& outputs);
  void upload_controls(const Controls& controls);
  bool run_wave(const Wave& wave, std::uint32_t steps, bool store, const Controls& controls, const Outputs& outputs);
  void take_losses(const Wave& wave, std::uint32_t begin, std::uint32_t count, std::uint32_t steps, float* out) const;
  const Graph& part(const PartKey& key, const Wave& wave);
  void record_step(const Wave& wave, std::uint32_t part_steps, bool store);
  void add_scores(const Wave& wave, const std::uint32_t* images, std::uint32_t first, std::uint32_t samples,
                  bool change);
  void finish_scores(const Wave& wave, std::uint32_t count, bool change);
  void queue_scores(const Wave& wave, std::size_t each);
  void take_scores(const Wave& wave, std::size_t each, float* out) const;
  std::uint32_t capacity() const { return static_cast<std::uint32_t>(plan_.capacity); }
  Progress progress(const Wave& wave, bool store) const;
  BatchSelection selection(const Wave& wave, bool store) const;
  float* arena(std::uint32_t network, std::size_t which) const;
  float* running(std::uint32_t network) const { return running_.data() + network * running_values(); }
  float* logits(std::uint32_t network) const { return logits_.data() + network * logits_floats(); }
  std::size_t logits_floats() const;
  std::size_t arenas() const { return 1 + static_cast<std::size_t>(moment_count(options_.algorithm)); }
  void initialize(const Wave& wave, const NodeShape& node);
  void copy_state(std::uint32_t network, const Saved& saved, bool save) const;

  PopulationOptions options_;
  int device_;
  mutable bool failed_ = false;
  Plan plan_;
  std::uint32_t wave_networks_ = 0;
  Stream stream_;
  std::unique_ptr<Cublas> cublas_;  // null: there is none, or nothing for it to do
  // The data set.
  SharedBytes images_, labels_;
  DeviceBuffer<std::uint32_t> train_, validation_, test_, validation_subset_;
  DeviceBuffer<float> scale_, shift_;
  // Networks.
  DeviceBuffer<float> arenas_;   // [1 + moments][networks][arena]
  DeviceBuffer<float> running_;  // [networks][running values]
  DeviceBuffer<float> logits_;   // [networks][validation size x classes]
  DeviceBuffer<NetworkStatus> status_;
  std::vector<std::unique_ptr<Saved>> saved_;
  // Of a call.
  DeviceBuffer<float> workspace_, gradients_;
  DeviceBuffer<std::uint32_t> seeds_, active_, step_, begin_;
  DeviceBuffer<Score> scores_;
  DeviceBuffer<float> training_loss_;  // [wave][part steps]
  DeviceBuffer<float> results_;        // [wave x 3]
  // The host's side of a call's copies: what is queued reads and writes here, and nothing waits for it but the end of a
  // part.
  PinnedBuffer<std::uint32_t> host_begin_;  // [1]
  PinnedBuffer<float> host_training_loss_;  // [wave][part steps]
  PinnedBuffer<float> host_results_;        // [wave x 3]
  std::unique_ptr<Pass> pass_;
  std::unique_ptr<StepRunner> stepper_;
  std::map<PartKey, Graph> graphs_;
};

template <typename Body>
auto Population::on_device(Body&& body) const {
  if (failed_) {
    throw CodedError("CUDA_UNAVAILABLE",
                     "This population stopped at a CUDA error: dispose it and open another. Where that fails too, the "
                     "error took the device's context with it: start a new process");
  }
  try {
    const DeviceScope scope(device_);
    return body();
  } catch (const CodedError& error) {
    // Out of memory leaves everything as it was; after anything else no result can be trusted.
    if (std::string_view(error.code()) == "INTERNAL") failed_ = true;
    throw;
  }
}

}  // namespace ganno::cuda

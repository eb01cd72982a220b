#pragma once
// The optimiser step of a wave's networks, and what their statistics over an interval come to.
#include <cstddef>
#include <cstdint>

#include "core/interval_statistics.h"
#include "core/population.h"
#include "cuda/device.h"
#include "cuda/network/plan.h"
#include "cuda/network/state.h"
#include "cuda/step/step_tables.h"

namespace ganno::cuda {

/// Every layer of every network of a wave is a layer of one fused step (cuda/step), network after network.
class StepRunner {
 public:
  /// @param arenas [1 + moments][networks][arena] @param gradients [wave][arena]
  StepRunner(const Plan& plan, const PopulationOptions& options, std::uint32_t wave_networks, float* arenas,
             const float* gradients, std::uint32_t part_steps, const Stream& stream);

  /// Takes the call's controls over to the device; null ones are the hyperparameters' own. This and upload_schedule do
  /// not wait: what an earlier call queued must be done.
  void upload_controls(const Controls& controls, const Stream& stream);
  /// The schedule of the part that comes next: `steps` factors, or null for 1.
  void upload_schedule(const float* factors, std::uint32_t steps, const Stream& stream);
  /// Forgets the interval's sums.
  void clear(const Stream& stream);

  /// One step of the networks that are active, and the sums over the interval. Every network's step counter of the call
  /// goes up.
  void launch(const Stream& stream, std::uint32_t first, std::uint32_t networks, const Progress& progress) const;

  /// Queues the interval's statistics for the host; once the stream was waited for, they can be taken.
  void queue_statistics(const Stream& stream) const;
  /// @param out [networks x layers x 16]
  void take_statistics(float* out) const;

  std::size_t bytes() const;

 private:
  std::size_t networks_, layers_;
  Hyperparameters hyperparameters_;
  std::int64_t arena_floats_;
  StepTables tables_;
  StepArguments arguments_;  // of the first wave, full
  std::uint32_t items_of_network_;
  DeviceBuffer<PreparedCohort> prepared_;    // [wave x layers]
  DeviceBuffer<std::uint64_t> layer_sizes_;  // [layers] elements
  // Controls and results.
  DeviceBuffer<float> learning_rates_;            // [networks x layers]
  DeviceBuffer<double> weight_decays_, momenta_;  // [networks x layers]
  DeviceBuffer<float> schedule_;                  // [steps of a part]
  DeviceBuffer<float> applied_;                   // [wave x layers] learning rates of the step
  DeviceBuffer<LayerInterval> intervals_;         // [networks x layers]
  DeviceBuffer<float> statistics_;                // [networks x layers x 16]
  // Their host's side, which the device copies from and to while the host goes on.
  PinnedBuffer<float> host_learning_rates_, host_schedule_, host_statistics_;
  PinnedBuffer<double> host_weight_decays_, host_momenta_;
};

}  // namespace ganno::cuda

#pragma once
// The tables of cuda/step/tables.h, on the host and on the device, for layers of given sizes.
#include <cstdint>
#include <span>
#include <vector>

#include "core/step_cohorts.h"
#include "cuda/device.h"
#include "cuda/step/tables.h"

namespace ganno::cuda {

struct HostTables {
  std::vector<Item> items;
  std::vector<ArrayEntry> arrays;
  std::vector<PieceEntry> pieces;
  std::vector<LayerEntry> layers;
  std::vector<std::uint32_t> piece_items;
  std::uint32_t record_count = 0;  // blocks
  std::uint32_t most_cohorts = 0;  // that arrays can be in
  std::uint64_t arena_size = 0;    // floats
};

/// @param sizes elements of every array, layer after layer. Arrays lie one after another on 64-float boundaries.
/// @param multiprocessors of the device: more of them take shorter chunks
/// @throws std::invalid_argument when the layers do not own every array, or beyond 2^32 blocks
HostTables make_tables(std::span<const std::uint64_t> sizes, std::span<const std::uint32_t> arrays_per_layer,
                       int multiprocessors);

/// What a step needs on the device beside the arenas. The work buffers are ready for the first step.
class StepTables {
 public:
  /// @param measures whether passes before the step (norms, skips) need room
  StepTables(const HostTables& host, std::span<const std::uint8_t> adapt, bool measures, const Stream& stream);

  /// Groups anew, and sets the step counters. Waits for the stream.
  void upload_cohorts(HostTables& host, const StepCohorts& cohorts, const Hyperparameters& hyperparameters,
                      const Stream& stream);

  /// Everything but the arenas, the rule and its settings.
  StepArguments arguments() const;

  DeviceBuffer<double> controls;    // [layers x kControlCount], then inverseScale
  DeviceBuffer<CohortState> state;  // [most_cohorts]
  DeviceBuffer<float> statistics;

 private:
  std::uint32_t item_count_;
  std::uint32_t layer_count_;
  std::uint32_t cohort_count_;
  DeviceBuffer<Item> items_;
  DeviceBuffer<ArrayEntry> arrays_;
  DeviceBuffer<PieceEntry> pieces_;
  DeviceBuffer<LayerEntry> layers_;
  DeviceBuffer<std::uint32_t> piece_items_;
  DeviceBuffer<std::uint8_t> adapt_;
  DeviceBuffer<Ticket> tickets_;           // [pieces], then [layers]
  DeviceBuffer<LayerSums> sums_;           // [records], then [pieces], then [layers]
  DeviceBuffer<PreparedCohort> prepared_;  // [most_cohorts]
  DeviceBuffer<Norms> norms_;              // likewise
  DeviceBuffer<std::uint32_t> non_finite_;
  std::uint64_t record_count_;
  std::uint64_t piece_count_;
};

/// Queues a step: one launch, and one or two before it for each thing that must be known of whole layers first
/// (skipping layers or the network, clipping, LARS, LAMB). @param arguments complete. Can be recorded in a graph.
void queue_step(const StepArguments& arguments, bool statistics, const Stream& stream);

/// Whether queue_step() has passes before the step, so that StepTables needs room for them.
bool has_passes_before(Algorithm algorithm, NonFinitePolicy policy, const ClipNorms& clip);

}  // namespace ganno::cuda

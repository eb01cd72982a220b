#pragma once
// A LayerwiseStep on the CPU: the cut into pieces and threads.
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/layerwise_step.h"
#include "core/statistics.h"
#include "core/step_cohorts.h"
#include "cpu/step_kernels.h"

namespace ganno {

/// Layouts of fewer elements are stepped by the caller alone: they fit in cache, and the work is over before a sleeping
/// helper is awake.
inline constexpr std::uint64_t kElementsWorthThreads = 100'000;

class CpuStep final : public LayerwiseStep {
 public:
  /// @param arrays layer after layer; `arrays_per_layer` says how many each owns (0 is allowed).
  /// @param adapt [layers] whether the trust ratio applies (0: no), for rules that have one; empty: to all
  CpuStep(const LayerwiseOptions& options, std::span<const ArrayBinding> arrays,
          std::span<const std::uint32_t> arrays_per_layer, std::span<const std::uint8_t> adapt = {});

  std::size_t layer_count() const override { return layers_.size(); }
  std::size_t array_count() const override { return arrays_.size(); }
  std::uint64_t bytes() const override;
  void step(std::span<const double> controls, float inverse_scale, float* statistics, bool store) override;
  std::vector<std::uint64_t> steps() const override;
  void write_steps(std::span<const std::uint64_t> steps) override;
  void read_moment(std::size_t array, int which, std::span<float> out) const override;
  void write_moment(std::size_t array, int which, std::span<const float> values) override;

 private:
  struct Layer {
    std::uint32_t first_piece;
    std::uint32_t piece_count;
    CohortRange cohorts;
  };
  struct Piece {  // at most kPieceSize elements of one array
    StepArray elements;
    std::uint32_t layer;
    std::uint32_t cohort;
    LayerSums* sums;  // its own, or the layer's where that has no other piece
    PieceNorms norms;
    std::uint64_t non_finite;
  };
  struct Free {
    void operator()(float* memory) const;
  };

  template <typename Function>
  void for_each_piece(Function&& function);
  void decide_skips(float inverse_scale);
  void compute_scalars(std::span<const double> controls, float inverse_scale, bool store);
  void write_statistics(float* statistics);
  void clip_by_global_norm();
  PieceNorms layer_norms(std::size_t layer) const;
  std::span<StepScalars> scalars_of(std::size_t layer);
  /// Tells layers and pieces which cohorts are theirs.
  void assign_cohorts();
  /// Steps every layer after the passes that norms of that layer take.
  template <typename StepPiece>
  void step_by_layer(std::span<const double> controls, StepPiece&& step_piece);
  template <typename ForEachPiece>
  void measure_layer(std::size_t layer, std::span<const double> controls, ForEachPiece&& for_each);
  void plan_layer_tasks();
  std::span<float> moment(std::size_t array, int which, std::size_t size) const;

  LayerwiseOptions options_;
  StepFunction with_statistics_;
  StepFunction without_statistics_;
  StepFunction observe_;
  FinalizeFunction finalize_;
  MeasureFunction measure_gradient_;
  MeasureFunction measure_trust_ = nullptr;  // for rules with a trust ratio
  bool by_layer_;                            // a layer's step waits for norms of that layer
  std::vector<StepArray> arrays_;
  std::vector<Layer> layers_;
  std::vector<Piece> pieces_;                    // array after array, in order
  std::vector<LayerSums> layer_sums_;            // per layer, of the running step
  std::vector<LayerSums> piece_sums_;            // of pieces whose layer has more than one
  std::vector<std::uint32_t> task_ends_;         // pieces of a task end here; tasks are what threads claim
  std::vector<std::uint32_t> small_layers_;      // with by_layer_: one thread does all passes of one of these
  std::vector<std::uint32_t> small_layer_ends_;  // tasks of them
  std::vector<std::uint32_t> large_layers_;      // and all threads together those of one of these
  std::vector<std::uint8_t> adapt_;              // per layer
  StepCohorts cohorts_;                          // with their step counters
  std::vector<StepScalars> scalars_;             // per cohort, of the running step
  std::vector<double> applied_;                  // controls the scalars were computed from, where these last
  float applied_inverse_scale_ = 1;
  bool applied_store_ = true;
  std::vector<double> moment_corrections_;  // per layer, of the running step
  std::vector<std::uint8_t> skipped_;       // per layer, of the running step
  std::unique_ptr<float, Free> moments_;    // both moments of every array, each on a 64-float boundary
  std::uint64_t moment_floats_ = 0;
};

}  // namespace ganno

#pragma once
// One optimiser step over the layers of a network whose arrays belong to somebody else: moments, step counters,
// non-finite policies and the cut into threads. Knows nothing of Node.
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/optimizer_rule.h"
#include "core/statistics.h"
#include "core/step_cohorts.h"
#include "cpu/float_environment.h"
#include "cpu/step_kernels.h"

namespace ganno {

/// Layouts of fewer elements are stepped by the caller alone: they fit in cache, and the work is over before a sleeping
/// helper is awake.
inline constexpr std::uint64_t kElementsWorthThreads = 100'000;

/// A parameter array and its gradient. Both stay the caller's.
struct ArrayBinding {
  float* parameters;
  const float* gradients;
  std::uint64_t size;
  bool decays = true;  // whether weight decay applies
};

/// Per layer, in this order, in the control table [layers x kControlCount].
enum Control : std::uint32_t { kControlLearningRate, kControlWeightDecay, kControlMomentum, kControlCount };

class LayerwiseStep {
 public:
  struct Options {
    Algorithm algorithm = Algorithm::kSgd;
    Hyperparameters hyperparameters;
    NonFinitePolicy non_finite = NonFinitePolicy::kSkipElement;
    double clip_layer_norm = 0;   // 0: no clipping
    double clip_global_norm = 0;  // 0: no clipping
    Denormals denormals = Denormals::kKeep;
    bool carry_parameter_norms = false;  // nobody else writes the parameters between steps
    int threads = 1;
    Tier tier = Tier::kBaseline;
  };

  /// @param arrays layer after layer; `arrays_per_layer` says how many each owns (0 is allowed).
  /// @param adapt [layers] whether the trust ratio of lars and lamb applies (0: no); empty: to all
  LayerwiseStep(const Options& options, std::span<const ArrayBinding> arrays,
                std::span<const std::uint32_t> arrays_per_layer, std::span<const std::uint8_t> adapt = {});

  std::size_t layer_count() const { return layers_.size(); }
  std::size_t array_count() const { return arrays_.size(); }
  /// Native memory held, in bytes.
  std::uint64_t bytes() const;

  /// @param controls [layers x kControlCount]
  /// @param statistics [layers x kStepStatisticCount], or null
  /// @param store false: write statistics of the step that would be taken, change nothing
  void step(std::span<const double> controls, float inverse_scale, float* statistics, bool store);

  /// Forgets norms carried over from the step before. For whoever writes moments: those come with parameters of the
  /// same state.
  void forget_parameter_norms();

  /// [arrays]: steps each has taken; those of a skipped layer do not count one.
  std::vector<std::uint64_t> steps() const;
  /// For whoever restores a state. Forgets norms carried over, too.
  void write_steps(std::span<const std::uint64_t> steps);
  /// Moment 0 or 1 of an array, compact. @throws std::invalid_argument when there is no such array or moment.
  std::span<float> moment(std::size_t array, int which);

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
    double new_parameter_squared;  // of the last step that was stored, where the layer carries
    std::uint64_t non_finite;
  };
  /// Whether the norm of a layer's parameters is taken over from the step before.
  enum class Carry : std::uint8_t { kNever, kUnknown, kKnown };
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

  Options options_;
  StepFunction with_statistics_;
  StepFunction without_statistics_;
  StepFunction carrying_with_statistics_ = nullptr;
  StepFunction carrying_without_statistics_ = nullptr;
  StepFunction observe_;
  FinalizeFunction finalize_;
  MeasureFunction measure_gradient_;
  MeasureFunction measure_trust_ = nullptr;  // lars, lamb
  MeasureFunction measure_direction_;        // where the norm of the parameters is known
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
  std::vector<Carry> carry_;                     // per layer
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

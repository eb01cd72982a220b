#pragma once
// What lies in device memory beside the arenas: how the step's work is cut, and where its results go. Made once, when
// the layers are known; a step reads it and no host has a hand in it.
//
//   layer -> pieces of at most 65,536 elements of one array -> blocks of 1,024 elements -> 16 lanes
//
// as on the CPU (core/statistics.h): a block's lanes are summed in float32, everything above is folded in float64 from
// left to right. An item is what one warp does: a few consecutive blocks of one piece. Items may be cut any way;
// results do not depend on it.
#include <cstdint>

#include "core/optimizer_rule.h"
#include "core/statistics.h"

namespace ganno::cuda {

inline constexpr std::uint32_t kBlocksPerPiece = static_cast<std::uint32_t>(kPieceSize / kBlockSize);

struct alignas(16) Item {
  std::uint32_t array;
  std::uint32_t piece;
  std::uint32_t first_block;  // in the array
  std::uint32_t block_count;  // 0: the one item of a layer without elements
};

struct alignas(16) ArrayEntry {
  std::uint64_t offset;  // floats from the start of each arena, a multiple of 64
  std::uint64_t size;
};

struct alignas(32) PieceEntry {  // one sector of memory
  std::uint32_t layer;
  std::uint32_t first_block;   // in the array
  std::uint32_t first_record;  // of its blocks
  std::uint32_t block_count;
  std::uint32_t cohort;
};

struct LayerEntry {
  std::uint32_t first_piece;
  std::uint32_t piece_count;
  std::uint32_t first_cohort;
  std::uint32_t cohort_count;
  std::uint32_t one_age;  // whether all of these have taken the same number of steps
};

/// How many parts of something are done; back at 0 when all are, so that a graph can be launched again.
using Ticket = std::uint32_t;

/// A cohort's own counter (core/step_cohorts.h), and the bias corrections that its next step needs.
struct CohortState {
  std::uint64_t steps = 0;
  BiasCorrections next;
  std::uint32_t layer = 0;
  std::uint32_t decays = 1;  // 0: weight decay does not apply
};

/// A cohort's scalars, where passes before the step make them.
struct PreparedCohort {
  StepScalars scalars;
  std::uint32_t skipped;  // its layer is
};

/// Sums of squares that a pass before the step measures.
struct Norms {
  double parameter_squared;
  double direction_squared;
};

struct ClipNorms {
  double layer;   // 0: no clipping
  double global;  // 0: no clipping
};

/// Everything a step kernel is told. Pointers are device memory; parameters to moment2 are arenas with the same
/// offsets.
struct StepArguments {
  float* parameters;
  const float* gradients;
  float* moment1;  // null where the rule keeps none, as moment2
  float* moment2;

  const Item* items;
  const ArrayEntry* arrays;
  const PieceEntry* pieces;
  const LayerEntry* layers;
  const std::uint32_t* piece_items;  // [pieces] items of each
  std::uint32_t item_count;
  std::uint32_t layer_count;
  std::uint32_t cohort_count;

  const double* controls;     // [layers x kControlCount], then inverseScale
  CohortState* state;         // [cohorts]
  PreparedCohort* prepared;   // [cohorts]; null: every warp computes the scalars of its cohort
  const std::uint8_t* adapt;  // [layers]

  Ticket* piece_tickets;      // [pieces]
  Ticket* layer_tickets;      // [layers]
  LayerSums* block_sums;      // [records]
  LayerSums* piece_sums;      // [pieces]
  LayerSums* layer_sums;      // [layers]
  Norms* block_norms;         // [records]; null unless something is measured
  Norms* piece_norms;         // [pieces]
  Norms* layer_norms;         // [layers]
  std::uint32_t* non_finite;  // [layers + 1]: whether a gradient is not finite; last: whether any is

  float* statistics;  // [layers x 14]
  Hyperparameters hyperparameters;
  ClipNorms clip;
  Algorithm algorithm;
  NonFinitePolicy policy;
  bool store;
  bool flush_denormals;  // which of the two sets of kernels is launched
};

}  // namespace ganno::cuda

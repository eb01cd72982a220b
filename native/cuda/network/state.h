#pragma once
// What a population keeps of every network on the device, and the kernels around a step: which images, what came of it.
#include <cstdint>

#include "core/initial_weights.h"
#include "core/interval_statistics.h"
#include "core/population.h"
#include "cuda/device.h"
#include "cuda/network/geometry.h"

namespace ganno::cuda {

/// A network's state besides its arenas and logits: what save() keeps. [networks]
struct NetworkStatus {
  std::uint64_t steps = 0;  // optimiser steps done, and batches drawn
  std::uint32_t seed = 0;
  std::uint32_t diverged = 0;
  std::uint32_t has_logits = 0;
  std::uint32_t unused = 0;
};

/// Where networks stand in a call. `active` says for one step which networks take part.
struct Progress {
  NetworkStatus* status = nullptr;       // [networks]
  std::uint32_t* active = nullptr;       // [networks]
  std::uint32_t* step = nullptr;         // [networks], of the call
  const std::uint32_t* begin = nullptr;  // [1] step of the call the running part begins with
  std::uint32_t store = 0;               // 0: a probe, which changes nothing
};

/// A range of parameters that is drawn at random.
struct InitialLayer {
  InitialSpread spread;
  std::uint64_t layer = 0;
  std::uint64_t weights = 0;  // arena offset
  std::uint32_t size = 0;
};
void launch_initialize(const Stream& stream, std::uint32_t networks, const NetworkStatus* status,
                       const InitialLayer& layer, PerNetwork<float> parameters);
/// New networks: steps 0, not diverged. @param seeds [networks]
void launch_reset_status(const Stream& stream, std::uint32_t networks, const std::uint32_t* seeds,
                         NetworkStatus* status);

struct BatchSelection {
  Progress progress;
  const std::uint32_t* train = nullptr;  // [train_size] image numbers
  std::uint32_t train_size = 0, slice_size = 0, batch = 0;
  PerNetwork<std::uint32_t> images;  // out: [batch]
};
/// Draws every network's next batch, and decides who takes part in the step.
void launch_select_batch(const Stream& stream, std::uint32_t networks, const BatchSelection& selection);

/// Image numbers [first, first + count) of each network's slice of the training split.
void launch_select_slice(const Stream& stream, std::uint32_t networks, const BatchSelection& selection,
                         std::uint32_t first, std::uint32_t count);

struct Gather {
  const std::uint32_t* active = nullptr;
  const std::uint8_t* images = nullptr;  // the data set, [images][pixels][channels]
  const float* scale = nullptr;          // [channels]
  const float* shift = nullptr;
  PerNetwork<const std::uint32_t> numbers;  // [samples]
  PerNetwork<float> out;                    // [samples][values]
  std::uint32_t samples = 0;
  Divider by_values, by_channels;
};
/// (pixel / 255 - mean) / standard deviation, as pixel * scale + shift.
void launch_gather(const Stream& stream, std::uint32_t networks, const Gather& gather);

/// Sums over the batches of an evaluation. [networks]
struct Score {
  double loss = 0;
  double change = 0, change_squared = 0;  // of the logits
  std::uint64_t correct = 0;
};

struct BatchScore {
  PerNetwork<const float> losses;           // [samples]
  PerNetwork<const std::uint32_t> correct;  // [samples]
  PerNetwork<const float> logits;           // [samples x classes]
  PerNetwork<float> last_logits;            // [samples x classes] or null: compared with, and replaced
  std::uint32_t samples = 0, classes = 0;
  Score* scores = nullptr;  // [networks], added to; null for a training step
  // A training step:
  Progress progress;
  float* training_loss = nullptr;  // [networks][part_steps]
  std::uint32_t part_steps = 0;
};
/// Adds a batch to the scores.
void launch_add_score(const Stream& stream, std::uint32_t networks, const BatchScore& batch);
/// The mean loss of a training batch; where it is not finite the network leaves the step (and has diverged).
void launch_training_loss(const Stream& stream, std::uint32_t networks, const BatchScore& batch);
/// [networks x 2] or, with `change`, [networks x 3] as Outputs::validation.
void launch_finish_score(const Stream& stream, std::uint32_t networks, NetworkStatus* status, const Score* scores,
                         std::uint32_t samples, std::uint32_t classes, bool change, float* out);

}  // namespace ganno::cuda

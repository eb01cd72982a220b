#pragma once
// Where everything of a network lies on the device.
//
// State, for every network and the whole life of a population: parameters and each moment, an arena of the layer table
// a network, one behind another; logits of the last validation; NetworkStatus. Workspace, for the networks of a wave:
//
//   | image numbers | losses | correct | activations of each layer | gradients | positions of maxima | norms | parts |
//                                                                                 every part on a 256-byte boundary
//
// and the gradients of their parameters, an arena a network.
//
// Gradients of activations that are not needed at the same time share memory: two buffers, in turn, where every layer
// takes the output of the one before it, a third one beside the branches of residual blocks.
#include <cstdint>
#include <vector>

#include "core/network_shape.h"
#include "cuda/network/geometry.h"
#include "cuda/network/product.h"

namespace ganno::cuda {

/// Workspace offsets of a batch norm, [channels] each.
struct NormPlan {
  std::int64_t mean = 0, factor = 0, inverse = 0, variance = 0;
};

struct Plan {
  /// @param capacity samples a workspace holds at once
  /// @throws std::invalid_argument; CodedError OUT_OF_MEMORY when a layer's batch has more elements than a kernel
  /// counts
  Plan(ImageShape input, const std::vector<LayerSpec>& layers, std::int64_t capacity);

  NetworkShape shape;
  std::int64_t capacity;
  std::vector<Geometry> geometries;  // per node, samples = capacity
  // Workspace offsets in floats.
  std::int64_t numbers = 0, losses = 0, correct = 0;
  std::vector<std::int64_t> activations;  // per image of the shape; those of a flattened one are the image's
  std::vector<std::int64_t> gradients;    // per image; -1: none
  // Per image: several nodes write its gradient, so that its node, and not they, goes back through its activation.
  std::vector<bool> deferred;
  std::vector<NormPlan> norms;  // per node
  // Of one batch norm at a time: [capacity][2][channels]; [channels] each.
  std::int64_t channel_sums = 0, mean_gradient = 0, slope = 0;
  std::vector<std::int64_t> positions;  // per node; -1: none
  std::int64_t weight_parts = 0, bias_parts = 0;
  std::int64_t workspace_floats = 0;

  std::int64_t arena_floats() const { return static_cast<std::int64_t>(shape.table.arena_size()); }

 private:
  std::int64_t reserve(std::int64_t floats);
  void plan_gradients();
};

}  // namespace ganno::cuda

#pragma once
// Where everything of a network lies on the device.
//
// State, for every network and the whole life of a population: parameters and each moment, an arena of the layer table
// a network, one behind another; logits of the last validation; NetworkStatus. Workspace, for the networks of a wave:
//
//   | image numbers | losses | correct | activations of each layer | gradient, twice | positions of maxima | parts |
//                                                                                 every part on a 256-byte boundary
//
// and the gradients of their parameters, an arena a network.
//
// Two buffers take the gradient from layer to layer, in turn.
#include <cstdint>
#include <vector>

#include "core/network_shape.h"
#include "cuda/network/geometry.h"
#include "cuda/network/product.h"

namespace ganno::cuda {

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
  std::int64_t gradients[2] = {0, 0};
  std::vector<std::int64_t> positions;  // per node; -1: none
  std::int64_t weight_parts = 0, bias_parts = 0;
  std::int64_t workspace_floats = 0;

  std::int64_t arena_floats() const { return static_cast<std::int64_t>(shape.table.arena_size()); }

 private:
  std::int64_t reserve(std::int64_t floats);
};

}  // namespace ganno::cuda

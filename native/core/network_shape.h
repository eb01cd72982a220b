#pragma once
// The shapes of a network, layer by layer: what a back end must know before it decides where anything lies in memory.
#include <cstdint>
#include <vector>

#include "core/layer_table.h"
#include "core/network_spec.h"

namespace ganno {

/// One step of the network; it may cover two layers of the specification (convolution and its 2x2 max pooling).
struct NodeShape {
  LayerKind kind = LayerKind::kDense;
  Activation activation = Activation::kLinear;
  Initializer initializer = Initializer::kHeUniform;
  int layer = -1;  // index into the layer table, -1 without weights
  std::int64_t size = 1, stride = 1, pad_top = 0, pad_left = 0;
  bool pooled = false;  // convolution with fused 2x2 max pooling, ReLU or nothing between
  bool needs_input_gradient = false;
  std::int64_t height = 1, width = 1;  // output of the layer itself, before fused pooling

  // Weights [rows = taps * in][columns]; a bias of `columns`.
  std::int64_t taps = 1, in = 0, columns = 0;
  std::uint64_t weights = 0, bias = 0;  // arena offsets

  double rate = 0;             // dropout
  std::uint64_t position = 0;  // in the specification: numbers its random sequence
};

struct NetworkShape {
  /// @throws std::invalid_argument when shapes do not fit (TypeScript says so first, with names).
  NetworkShape(ImageShape input, const std::vector<LayerSpec>& layers);

  ImageShape input() const { return images.front(); }
  std::int64_t classes() const { return images.back().channels; }

  std::vector<NodeShape> nodes;
  std::vector<ImageShape> images;   // images[i] feeds nodes[i]; the last holds the logits
  std::size_t dense_begin = 0;      // the first dense node
  std::size_t first_trainable = 0;  // the first node with weights
  LayerTable table;

 private:
  void add_image(std::int64_t height, std::int64_t width, std::int64_t channels);
  void add_nodes(const std::vector<LayerSpec>& layers);
};

}  // namespace ganno

#pragma once
// The shapes of a network, layer by layer: what a back end must know before it decides where anything lies in memory.
#include <cstdint>
#include <vector>

#include "core/layer_table.h"
#include "core/network_spec.h"

namespace ganno {

/// One step of the network; it may cover two layers of the specification (convolution and its 2x2 max pooling, batch
/// norm and the sum that ends a residual block).
struct NodeShape {
  LayerKind kind = LayerKind::kDense;
  Activation activation = Activation::kLinear;
  Initializer initializer = Initializer::kHeUniform;
  int layer = -1;  // index into the layer table, -1 without weights

  std::size_t input = 0;     // image it takes; its own is the one after that of the node before it
  std::int64_t addend = -1;  // sum, batch norm: image added before the activation; -1: none
  std::int64_t size = 1, stride = 1, pad_top = 0, pad_left = 0;
  bool pooled = false;  // convolution with fused 2x2 max pooling, ReLU or nothing between
  bool needs_input_gradient = false;
  bool adds_input_gradient = false;    // convolution: to what another reader of its input, a later node, has put there
  std::int64_t height = 1, width = 1;  // output of the layer itself, before fused pooling

  // Weights [rows = taps * in][columns]; a bias of `columns`, unless a batch norm follows, whose scale and shift then
  // belong to this node's layer.
  std::int64_t taps = 1, in = 0, columns = 0;
  bool has_bias = false;
  std::uint64_t weights = 0, bias = 0;  // arena offsets

  // Batch norm: arena offsets, and where its running means and variances lie among the network's, [channels] each.
  std::uint64_t scale = 0, shift = 0;
  std::int64_t running_mean = 0, running_variance = 0;
  double epsilon = 0;

  double rate = 0;             // dropout; batch norm: momentum of the running statistics
  std::uint64_t position = 0;  // in the specification: numbers its random sequence
};

struct NetworkShape {
  /// @throws std::invalid_argument when shapes do not fit (TypeScript says so first, with names).
  NetworkShape(ImageShape input, const std::vector<LayerSpec>& layers);

  ImageShape input() const { return images.front(); }
  std::int64_t classes() const { return images.back().channels; }

  std::vector<NodeShape> nodes;
  std::vector<ImageShape> images;   // the input, then the output of each node; the last holds the logits
  std::size_t dense_begin = 0;      // the first dense node
  std::size_t first_trainable = 0;  // the first node with weights
  LayerTable table;
  std::int64_t running_values = 0;  // running means and variances of all batch norms

  /// Whether every node takes the output of the one before it, and samples do not depend on each other.
  bool is_plain_chain() const;

 private:
  class Builder;
};

}  // namespace ganno

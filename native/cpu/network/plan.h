#pragma once
// What a network of one shape needs to know before it runs: shapes, strides, where each array lies. No intrinsics and
// no memory of its own; made once per population.
#include <cstdint>
#include <vector>

#include "core/layer_table.h"
#include "cpu/network/kernels.h"

namespace ganno {

/// Numbers of the two enumerations are part of the binding contract (binding.d.ts): append, never renumber.
enum class LayerKind : std::uint32_t {
  kDense,
  kConvolution,
  kMaxPool,
  kAveragePool,
  kGlobalAveragePool,
  kDropout,
  kFlatten  // inserted by the plan where padded channels meet a dense layer; not part of the contract
};
enum class Initializer : std::uint32_t { kHeUniform, kHeNormal, kXavierUniform, kXavierNormal };

struct LayerSpec {
  LayerKind kind = LayerKind::kDense;
  std::int64_t units = 0;  // dense: units; convolution: filters
  std::int64_t size = 0;   // kernel or window edge
  std::int64_t stride = 1;
  bool same_padding = false;
  Activation activation = Activation::kLinear;
  Initializer initializer = Initializer::kHeUniform;
  double rate = 0;  // dropout
};

struct ImageShape {
  std::int64_t height = 0, width = 0, channels = 0;
};

/// Activations between two nodes, NHWC, for every sample of a batch:
///
///   | border row                                  |   border: the zero padding of the convolution that reads it
///   | border | pixel(0,0): c0 c1 .. 0 0 | ... | border |   channels padded to 16 wherever a product writes them
struct Tensor {
  std::int64_t height = 1, width = 1, channels = 0;
  std::int64_t pixel = 0;    // floats from one pixel to the next
  std::int64_t row = 0;      // ... one row to the next, borders included
  std::int64_t sample = 0;   // ... one sample to the next
  std::int64_t origin = 0;   // pixel (0, 0) from the sample's start
  std::size_t buffer = 0;    // workspace offset of sample 0
  std::size_t gradient = 0;  // workspace offset of the gradient (tensors from the first dense layer's input on)

  std::int64_t values() const { return height * width * channels; }
};

/// One step of the network; it may cover two layers of the specification (convolution and its 2x2 max pooling).
struct Node {
  LayerKind kind = LayerKind::kDense;
  Activation activation = Activation::kLinear;
  Initializer initializer = Initializer::kHeUniform;
  int layer = -1;  // index into the layer table, -1 without weights
  std::int64_t size = 1, stride = 1, pad_top = 0, pad_left = 0;
  bool pooled = false;  // convolution with fused 2x2 max pooling
  bool needs_input_gradient = false;
  std::int64_t height = 1, width = 1;  // output of the layer itself, before fused pooling

  // Weights [rows = taps * in][columns = out]; `padded` columns in panels.
  std::int64_t taps = 1, in = 0, columns = 0, padded = 0;
  std::uint64_t weights = 0, bias = 0;  // arena offsets
  std::size_t packed_weights = 0;       // workspace: [rows][padded] where columns != padded
  std::size_t packed_gradient = 0;      // likewise
  std::size_t transposed = 0;           // workspace: [taps, flipped][out][in padded], for the input gradient
  std::int64_t transposed_columns = 0;

  std::size_t argmax = 0;  // workspace (bytes): [sample][output]
  std::int64_t argmax_sample = 0;
  std::size_t factors = 0;  // dropout, workspace: [sample][pixels][padded]
  std::int64_t factors_sample = 0;
  double rate = 0;
  std::uint64_t position = 0;  // in the specification: numbers its random sequence

  // Convolution gradient with the border its input gradient reads, workspace.
  std::size_t output_gradient = 0;
  std::int64_t output_gradient_row = 0, output_gradient_origin = 0;
  std::size_t rows_buffer = 0;  // two output rows before fused pooling

  std::vector<std::int64_t> forward_a, forward_b;  // segments, see Product
  std::int64_t forward_depth = 0;
  std::vector<std::int64_t> weight_a, weight_b;
  /// Input pixels that the same taps reach: all (stride 1), or one class per parity (stride 2).
  struct InputClass {
    std::int64_t first_row = 0, first_column = 0, rows = 0, columns = 0;
    std::int64_t depth = 0;
    std::vector<std::int64_t> a, b;
  };
  std::vector<InputClass> input_classes;
};

class NetworkPlan {
 public:
  /// @param capacity samples a workspace holds at once
  /// @throws std::invalid_argument when shapes do not fit (TypeScript says so first, with names).
  NetworkPlan(ImageShape input, const std::vector<LayerSpec>& layers, std::int64_t capacity);

  ImageShape input;
  std::int64_t capacity = 0;
  std::int64_t classes = 0;
  std::vector<Node> nodes;
  std::vector<Tensor> tensors;  // tensors[i] feeds nodes[i]; the last holds the logits
  std::size_t dense_begin = 0;  // nodes before run sample by sample, the rest on the whole batch
  std::size_t first_trainable = 0;
  LayerTable table;

  std::size_t gradients = 0;                       // workspace: gradient arena
  std::size_t scratch[2] = {0, 0};                 // workspace: one sample's gradient between spatial nodes
  std::size_t losses = 0;                          // workspace: [capacity]
  std::size_t labels = 0;                          // workspace (bytes): [capacity]
  std::size_t correct = 0;                         // workspace (bytes): [capacity]
  std::size_t expand_scale = 0, expand_shift = 0;  // workspace: [width * channels]
  std::size_t workspace_floats = 0;

 private:
  void add_tensor(std::int64_t height, std::int64_t width, std::int64_t channels);
  void plan_nodes(const std::vector<LayerSpec>& layers);
  void plan_strides();
  void plan_convolution(std::size_t index);
  void plan_workspace();
  std::size_t reserve(std::int64_t floats);
  std::size_t reserve_bytes(std::int64_t bytes) { return reserve((bytes + 3) / 4); }
};

constexpr std::int64_t pad16(std::int64_t n) {
  return (n + 15) / 16 * 16;
}

}  // namespace ganno

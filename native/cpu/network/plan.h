#pragma once
// What a network of one shape needs to know before it runs: shapes, strides, where each array lies. No intrinsics and
// no memory of its own; made once per population.
#include <cstdint>
#include <vector>

#include "core/layer_table.h"
#include "core/network_shape.h"
#include "cpu/network/kernels.h"

namespace ganno {

constexpr std::int64_t pad16(std::int64_t n) {
  return (n + 15) / 16 * 16;
}

/// Activations between two nodes, NHWC, for every sample of a batch:
///
///   | border row                                  |   border: the zero padding of the convolution that reads it
///   | border | pixel(0,0): c0 c1 .. 0 0 | ... | border |   channels padded to 16 wherever a product writes them
struct Tensor : ImageShape {
  std::int64_t pixel = 0;   // floats from one pixel to the next
  std::int64_t row = 0;     // ... one row to the next, borders included
  std::int64_t sample = 0;  // ... one sample to the next
  std::int64_t origin = 0;  // pixel (0, 0) from the sample's start
  std::size_t buffer = 0;   // workspace offset of sample 0
  // The gradient, workspace: compact rows of padded pixels. Where nothing but the layer before needs it, one sample's
  // at a time (stride 0); else the whole batch's, in a buffer that tensors share that are not needed together.
  std::size_t gradient = 0;
  std::int64_t gradient_sample = 0;

  std::int64_t padded_values() const { return height * width * pad16(channels); }
};

/// One step of the network, and where its arrays lie.
struct Node : NodeShape {
  std::int64_t padded = 0;          // columns in panels of 16
  std::size_t packed_weights = 0;   // workspace: [rows][padded] where columns != padded
  std::size_t packed_gradient = 0;  // likewise
  std::size_t transposed = 0;       // workspace: [taps, flipped][out][in padded], for the input gradient
  std::int64_t transposed_columns = 0;

  std::size_t argmax = 0;  // workspace (bytes): [sample][output]
  std::int64_t argmax_sample = 0;
  std::size_t factors = 0;  // dropout, workspace: [sample][pixels][padded]
  std::int64_t factors_sample = 0;

  // Convolution gradient with the border its input gradient reads, workspace.
  std::size_t output_gradient = 0;
  std::int64_t output_gradient_row = 0, output_gradient_origin = 0;
  std::size_t rows_buffer = 0;  // two output rows before fused pooling

  std::int64_t input_offset = 0;          // convolution: first tap of the first pixel, from the sample's start
  std::size_t mean = 0, factor = 0;       // batch norm, workspace, [channels padded]: of the batch or the running ones
  std::size_t inverse = 0, variance = 0;  // likewise: inverse deviation; unbiased variance, of the batch only

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
  std::vector<Tensor> tensors;  // the input, then the output of each node; the last holds the logits
  std::size_t dense_begin = 0;  // nodes before run sample by sample, the rest on the whole batch
  std::size_t first_trainable = 0;
  LayerTable table;
  std::int64_t running_values = 0;

  /// The first batch norm after node `index` among those that run sample by sample; dense_begin when there is none.
  std::size_t batch_norm_after(std::size_t index) const;
  /// The last one before it; 0 when there is none (the first node is never one).
  std::size_t batch_norm_before(std::size_t index) const;

  std::size_t gradients = 0;                       // workspace: gradient arena
  std::size_t channel_sums = 0;                    // workspace: [capacity][2][padded], of one batch norm at a time
  std::int64_t channel_sums_sample = 0;            //
  std::size_t mean_gradient = 0, slope = 0;        // workspace: [padded], likewise
  std::size_t losses = 0;                          // workspace: [capacity]
  std::size_t labels = 0;                          // workspace (bytes): [capacity]
  std::size_t correct = 0;                         // workspace (bytes): [capacity]
  std::size_t expand_scale = 0, expand_shift = 0;  // workspace: [width * channels]
  std::size_t workspace_floats = 0;

 private:
  void plan_strides();
  void plan_convolution(std::size_t index);
  void plan_gradients();
  void plan_workspace();
  std::size_t reserve(std::int64_t floats);
  std::size_t reserve_bytes(std::int64_t bytes) { return reserve((bytes + 3) / 4); }
};

}  // namespace ganno

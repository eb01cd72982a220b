#pragma once
// The matrix products behind dense and convolution layers, of all networks in one launch. See product.cuh.
#include <cstdint>

#include "core/network_spec.h"
#include "cuda/network/geometry.h"

namespace ganno::cuda {

/// One product of every network of a wave. What is null is not needed.
///
///   kernel             row              column        k                          out
///   forward            output pixel     out channel   (tap, in channel)          activations
///   weight gradient    (tap, in)        out channel   (sample, output pixel)     gradient of the weights
///   input gradient     input pixel      in channel    (tap, flipped; out)        gradient of the input
///
/// Every element is one ascending chain of fused multiply-adds over k: the order, and so the bits, of the CPU's tiers
/// with fused multiply-add. Only the weight gradient of a large convolution is cut into parts of k (see split_of).
/// Precision::kTf32 rounds the operands and adds in the order of the tensor cores.
struct Product {
  Geometry geometry;
  const std::uint32_t* active = nullptr;     // [networks] 0: leave this network out; null: take all
  PerNetwork<const float> input;             // [samples][in pixels][in]
  PerNetwork<const float> weights;           // [taps][in][out]
  PerNetwork<const float> bias;              // forward: [out]; null: zeros
  PerNetwork<const float> output_gradient;   // [samples][out pixels][out], or pooled
  PerNetwork<const std::uint8_t> positions;  // gradients through fused pooling: [samples][pooled pixels][out]
  PerNetwork<float> out;
  PerNetwork<std::uint8_t> out_positions;       // forward with fused pooling: 0..3, 4 where ReLU is 0
  Activation activation = Activation::kLinear;  // forward: of the layer; input gradient: of the layer below
  bool accumulates = false;                     // input gradient: chains start from what `out` holds
  Precision precision = Precision::kFloat32;
  int part_samples = 0;          // weight gradient: samples of a part, all of them when there is one
  std::int64_t part_stride = 0;  // floats from one part to the next
  // Set by the launch.
  bool quads_a = false, quads_b = false;
  int rows = 0, columns = 0;
  std::uint32_t column_tiles = 1;
  Divider by_tiles, by_column_tiles;
};

/// Input pixels of a convolution of stride 2 that the same taps reach: those of one parity. See strided.cuh.
struct Phase {
  int height = 0, width = 0;             // in pixels of the phase
  int first_y = 0, first_x = 0;          // input pixel of the first
  int first_out_y = 0, first_out_x = 0;  // output pixel that the last tap takes it to
  int last_tap_y = 0, last_tap_x = 0;
  int taps_y = 0, taps_x = 0;
  Divider by_pixels, by_width, by_taps_x;
};
struct Phases {
  Phase of[4];
};
Phases phases_of(const Geometry& geometry);

/// A cut of a weight gradient's k, samples of a part and their number, by the shape alone, so that no network's bits
/// depend on how many are trained. One thread follows a chain: 50,000 steps would take longer than the rest of a step.
struct KSplit {
  int part_samples;
  int parts;
};
KSplit split_of(const Geometry& geometry);

class Stream;  // cuda/device.h
void launch_forward(const Stream& stream, std::uint32_t networks, Product product);
void launch_weight_gradient(const Stream& stream, std::uint32_t networks, Product product);
void launch_input_gradient(const Stream& stream, std::uint32_t networks, Product product);

}  // namespace ganno::cuda

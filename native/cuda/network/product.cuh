#pragma once
// The kernels of product.h. A block computes one tile (tile.cuh, tensor_tile.cuh) of one network; blocks of a network
// are neighbours, so that they find each other's operands in the second cache level.
#include "cuda/network/activation.cuh"
#include "cuda/network/convolution.cuh"
#include "cuda/network/product.h"
#include "cuda/network/tensor_tile.cuh"
#include "cuda/network/tile.cuh"
#include "cuda/runtime.h"

namespace ganno::cuda {

/// Which part of which network's product a block computes.
struct Place {
  std::uint32_t network;
  int first_row, first_column;  // of the tile
  int row, column;              // of the thread, in the tile
};

template <class Tile>
__device__ __forceinline__ Place place_of_block(const Product& p) {
  Place place;
  std::uint32_t tile = blockIdx.x;
  place.network = p.by_tiles.divide(tile);
  const std::uint32_t row_tile = p.by_column_tiles.divide(tile);
  place.first_row = static_cast<int>(row_tile) * Tile::kRows;
  place.first_column = static_cast<int>(tile) * Tile::kColumns;
  place.row = Tile::thread_row();
  place.column = Tile::thread_column();
  return place;
}

/// Adds the products of k in [begin, end) to a thread's sums. Every thread of the block takes part.
template <class Tile, bool kAAlongDepth, bool kBAlongDepth, class SourceA, class SourceB>
__device__ __forceinline__ void multiply_tile(const Product& p, const Place& place, const SourceA& source_a,
                                              const SourceB& source_b, int begin, int end,
                                              float (&sums)[Tile::kThreadRows][Tile::kThreadColumns]) {
  GANNO_SHARED(float, shared_a, 2 * Tile::kSliceA);
  GANNO_SHARED(float, shared_b, 2 * Tile::kSliceB);
  Slice<Tile::kRows, Tile::kDepth, Tile::kThreads, kAAlongDepth, SourceA> a(source_a, p.quads_a, place.first_row);
  Slice<Tile::kColumns, Tile::kDepth, Tile::kThreads, kBAlongDepth, SourceB> b(source_b, p.quads_b, place.first_column);
  a.fetch(begin, end);
  b.fetch(begin, end);
  for (int k = begin, turn = 0; k < end; k += Tile::kDepth, turn ^= 1) {
    const auto slice_a = shared_a + turn * Tile::kSliceA;
    const auto slice_b = shared_b + turn * Tile::kSliceB;
    a.template store<Tile::kLineA, Tile::kTensorCores>(slice_a);
    b.template store<Tile::kLineB, Tile::kTensorCores>(slice_b);
    // One barrier a slice is enough: who writes slice s + 2 has passed the barrier of s + 1, behind everybody's reading
    // of s.
    __syncthreads();
    if (k + Tile::kDepth < end) {
      a.fetch(k + Tile::kDepth, end);
      b.fetch(k + Tile::kDepth, end);
    }
    multiply_slice<Tile>(slice_a, slice_b, end - k < Tile::kDepth ? end - k : Tile::kDepth, place.row, place.column,
                         sums);
  }
}

/// Calls store(row, column, i, j) for those of a thread's elements that exist.
template <class Tile, class Store>
__device__ __forceinline__ void each_element(const Product& p, const Place& place, Store store) {
#pragma unroll
  for (int i = 0; i < Tile::kThreadRows; ++i) {
    const int row = place.first_row + place.row + Tile::row(i);
    if (row >= p.rows) continue;
#pragma unroll
    for (int j = 0; j < Tile::kThreadColumns; ++j) {
      const int column = place.first_column + place.column + Tile::column(j);
      if (column < p.columns) store(row, column, i, j);
    }
  }
}

/// 2x2 max pooling of four rows, ReLU after it when asked: the largest, and where it was (4: ReLU made it 0).
__device__ __forceinline__ float pool_window(const float (&window)[4], bool relu, std::uint8_t& position) {
  float best = window[0];
  position = 0;
#pragma unroll
  for (int i = 1; i < 4; ++i) {
    if (window[i] > best) {
      best = window[i];
      position = static_cast<std::uint8_t>(i);
    }
  }
  if (relu) {
    if (!(best > 0)) position = 4;
    best = relu_of(best);
  }
  return best;
}

template <class Tile, bool kConvolution>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks) forward_kernel(Product p) {
  const Place place = place_of_block<Tile>(p);
  if (p.active != nullptr && p.active[place.network] == 0) return;
  const Geometry& g = p.geometry;
  const float* input = p.input.of(place.network);
  const float* weights = p.weights.of(place.network);
  const float* bias = p.bias.data == nullptr ? nullptr : p.bias.of(place.network);
  float sums[Tile::kThreadRows][Tile::kThreadColumns];
#pragma unroll
  for (int j = 0; j < Tile::kThreadColumns; ++j) {
    const int column = place.first_column + place.column + Tile::column(j);
    const float first = bias != nullptr && column < p.columns ? bias[column] : 0.0f;
#pragma unroll
    for (int i = 0; i < Tile::kThreadRows; ++i) sums[i][j] = first;
  }
  const int depth = g.taps() * g.in;
  const Columns b{weights, g.out};
  if constexpr (kConvolution) {
    multiply_tile<Tile, true, false>(p, place, InputPatches{{g, input}}, b, 0, depth, sums);
  } else {
    multiply_tile<Tile, true, false>(p, place, Lines{input, g.in, p.rows}, b, 0, depth, sums);
  }
  float* out = p.out.of(place.network);
  if (kConvolution && g.pooled()) {
    std::uint8_t* positions = p.out_positions.of(place.network);
#pragma unroll
    for (int i = 0; i < Tile::kThreadRows; i += 4) {
      const int row = place.first_row + place.row + Tile::row(i);
      if (row >= p.rows) continue;
#pragma unroll
      for (int j = 0; j < Tile::kThreadColumns; ++j) {
        const int column = place.first_column + place.column + Tile::column(j);
        if (column >= p.columns) continue;
        const float window[4] = {sums[i][j], sums[i + 1][j], sums[i + 2][j], sums[i + 3][j]};
        std::uint8_t position;
        const float value = pool_window(window, p.activation == Activation::kRelu, position);
        const int to = row / 4 * p.columns + column;
        out[to] = value;
        positions[to] = position;
      }
    }
    return;
  }
  each_element<Tile>(p, place, [&](int row, int column, int i, int j) {
    out[row * p.columns + column] = activate(p.activation, sums[i][j]);
  });
}

template <class Tile, bool kConvolution>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks) weight_gradient_kernel(Product p) {
  const Place place = place_of_block<Tile>(p);
  if (p.active != nullptr && p.active[place.network] == 0) return;
  const Geometry& g = p.geometry;
  const int pixels = g.out_pixels();
  const int begin = static_cast<int>(blockIdx.y) * p.part_samples * pixels;
  const int last = g.samples * pixels;
  const int end = begin + p.part_samples * pixels < last ? begin + p.part_samples * pixels : last;
  const float* input = p.input.of(place.network);
  const float* gradient = p.output_gradient.of(place.network);
  float sums[Tile::kThreadRows][Tile::kThreadColumns] = {};
  if constexpr (kConvolution) {
    const std::uint8_t* positions = g.pooled() ? p.positions.of(place.network) : nullptr;
    multiply_tile<Tile, false, false>(p, place, InputPatchColumns{{g, input}},
                                      OutputGradientColumns{{g, gradient, positions}}, begin, end, sums);
  } else {
    multiply_tile<Tile, false, false>(p, place, Columns{input, g.in}, Columns{gradient, g.out}, begin, end, sums);
  }
  float* out = p.out.of(place.network) + static_cast<std::int64_t>(blockIdx.y) * p.part_stride;
  each_element<Tile>(p, place, [&](int row, int column, int i, int j) { out[row * p.columns + column] = sums[i][j]; });
}

template <class Tile, bool kConvolution>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks) input_gradient_kernel(Product p) {
  const Place place = place_of_block<Tile>(p);
  if (p.active != nullptr && p.active[place.network] == 0) return;
  const Geometry& g = p.geometry;
  const float* gradient = p.output_gradient.of(place.network);
  const float* weights = p.weights.of(place.network);
  const int depth = g.taps() * g.out;
  float* out = p.out.of(place.network);
  float sums[Tile::kThreadRows][Tile::kThreadColumns] = {};
  if (p.accumulates) {
    each_element<Tile>(p, place,
                       [&](int row, int column, int i, int j) { sums[i][j] = out[row * p.columns + column]; });
  }
  if constexpr (kConvolution) {
    const std::uint8_t* positions = g.pooled() ? p.positions.of(place.network) : nullptr;
    multiply_tile<Tile, true, true>(p, place, OutputGradientPatches{{{g, gradient, positions}}},
                                    FlippedWeights{{g, weights}}, 0, depth, sums);
  } else {
    multiply_tile<Tile, true, true>(p, place, Lines{gradient, g.out, p.rows}, Lines{weights, g.out, p.columns}, 0,
                                    depth, sums);
  }
  const float* input = p.input.of(place.network);
  each_element<Tile>(p, place, [&](int row, int column, int i, int j) {
    const int to = row * p.columns + column;
    out[to] = activation_gradient(p.activation, p.activation == Activation::kLinear ? 0.0f : input[to], sums[i][j]);
  });
}

}  // namespace ganno::cuda

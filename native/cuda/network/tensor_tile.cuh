#pragma once
// A product's tile on the tensor cores (precision TF32): as tile.cuh, but a warp computes kWarpRows x kWarpColumns of
// it in products of 16 x 8 x 8 (cuda/tensor_core.h). Which row of the tile is which row of a fragment is free, and
// chosen so that a thread, lane 4 g + t, holds
//
//   rows      4 g .. 4 g + 3 of every 32     what 2x2 pooling needs in one thread, and an operand's four in one read
//   columns   2 t, 2 t + 1 of every 8
//
// 8 more floats a line of a slice: then the reads of a warp meet no bank twice.
#include "cuda/network/tile.cuh"
#include "cuda/tensor_core.h"

namespace ganno::cuda {

template <int kRowsOfTile, int kColumnsOfTile, int kDepthOfSlice, int kRowsOfThread, int kColumnsOfThread>
struct TensorTileShape {
  static constexpr bool kTensorCores = true;
  static constexpr int kRows = kRowsOfTile, kColumns = kColumnsOfTile, kDepth = kDepthOfSlice;
  static constexpr int kThreadRows = kRowsOfThread, kThreadColumns = kColumnsOfThread;
  static constexpr int kWarpRows = 8 * kThreadRows, kWarpColumns = 4 * kThreadColumns;
  static constexpr int kWarpsAcross = kColumns / kWarpColumns;
  static constexpr int kThreads = 32 * (kRows / kWarpRows) * kWarpsAcross;
  static constexpr int kBlocks = 384 / kThreads;  // at least, on a multiprocessor: 168 registers a thread (128 spilled)
  static constexpr int kLineA = kRows + 8, kLineB = kColumns + 8;
  static constexpr int kSliceA = kDepth * kLineA, kSliceB = kDepth * kLineB;
  static_assert(kThreadRows % 4 == 0 && kThreadColumns % 2 == 0 && kDepth % 8 == 0);
  static_assert(kRows % kWarpRows == 0 && kColumns % kWarpColumns == 0);
  static_assert(kLineA % 32 == 8 && kLineB % 16 == 8, "the reads of a warp must not meet in a bank");

  __device__ static __forceinline__ int warp() { return static_cast<int>(threadIdx.x) / 32; }
  __device__ static __forceinline__ int lane() { return static_cast<int>(threadIdx.x) % 32; }
  __device__ static __forceinline__ int thread_row() { return warp() / kWarpsAcross * kWarpRows + lane() / 4 * 4; }
  __device__ static __forceinline__ int thread_column() {
    return warp() % kWarpsAcross * kWarpColumns + lane() % 4 * 2;
  }
  static constexpr int row(int i) { return i / 4 * 32 + i % 4; }
  static constexpr int column(int j) { return j / 2 * 8 + j % 2; }
};

/// sums += a slice. Values of k from `depth` on are zeros, and are multiplied too.
template <class Tile, class Pointer>
requires Tile::kTensorCores __device__ __forceinline__ void multiply_slice(
    Pointer a, Pointer b, int /*depth*/, int first_row, int first_column,
    float (&sums)[Tile::kThreadRows][Tile::kThreadColumns]) {
  constexpr int kQuads = Tile::kThreadRows / 4, kPairs = Tile::kThreadColumns / 2;
  const int within = Tile::lane() % 4;  // t
  // Of an operand the lane reads column g of every 8, where its sums are columns 2 t and 2 t + 1.
  const int column = first_column - 2 * within + Tile::lane() / 4;
#pragma unroll
  for (int k = 0; k < Tile::kDepth; k += 8) {
    float low[kQuads][4], high[kQuads][4], columns[kPairs][2];  // at k + t and k + t + 4
#pragma unroll
    for (int quad = 0; quad < kQuads; ++quad) {
      read_values(a + ((k + within) * Tile::kLineA + first_row + 32 * quad), low[quad]);
      read_values(a + ((k + within + 4) * Tile::kLineA + first_row + 32 * quad), high[quad]);
    }
#pragma unroll
    for (int pair = 0; pair < kPairs; ++pair) {
      columns[pair][0] = b[(k + within) * Tile::kLineB + column + 8 * pair];
      columns[pair][1] = b[(k + within + 4) * Tile::kLineB + column + 8 * pair];
    }
#pragma unroll
    for (int quad = 0; quad < kQuads; ++quad) {
#pragma unroll
      for (int half = 0; half < 4; half += 2) {  // fragment rows g and g + 8: rows `half` and `half` + 1 of the four
        const float rows[4] = {low[quad][half], low[quad][half + 1], high[quad][half], high[quad][half + 1]};
        const int i = 4 * quad + half;
#pragma unroll
        for (int pair = 0; pair < kPairs; ++pair) {
          const int j = 2 * pair;
          float c[4] = {sums[i][j], sums[i][j + 1], sums[i + 1][j], sums[i + 1][j + 1]};
          multiply_tf32(c, rows, columns[pair]);
          sums[i][j] = c[0];
          sums[i][j + 1] = c[1];
          sums[i + 1][j] = c[2];
          sums[i + 1][j + 1] = c[3];
        }
      }
    }
  }
}

}  // namespace ganno::cuda

#pragma once
// The register tile of a product: a block computes kRows x kColumns of one network's result, a thread kThreadRows x
// kThreadColumns of those. Slices of kDepth values of k pass through shared memory, two of them in turn: while one is
// multiplied, the next is on its way through registers.
//
//   a: [kDepth][kRows + 4]   b: [kDepth][kColumns + 4]     k-major, so that a thread reads its rows as vectors of four;
//                                                          4 more floats a line: fewer bank conflicts where a slice is
//                                                          transposed on its way in
#include "cuda/runtime.h"

namespace ganno::cuda {

template <int kRowsOfTile, int kColumnsOfTile, int kDepthOfSlice, int kRowsOfThread, int kColumnsOfThread>
struct TileShape {
  static constexpr int kRows = kRowsOfTile, kColumns = kColumnsOfTile, kDepth = kDepthOfSlice;
  static constexpr int kThreadRows = kRowsOfThread, kThreadColumns = kColumnsOfThread;
  static constexpr bool kTensorCores = false;
  static constexpr int kThreadsAcross = kColumns / kThreadColumns;
  static constexpr int kThreads = kRows / kThreadRows * kThreadsAcross;
  static constexpr int kBlocks = 512 / kThreads;  // at least, on a multiprocessor: 128 registers a thread
  static constexpr int kLineA = kRows + 4, kLineB = kColumns + 4;
  static constexpr int kSliceA = kDepth * kLineA, kSliceB = kDepth * kLineB;
  static_assert(kThreads % kRows == 0 || kRows % kThreads == 0);
  static_assert(kThreads % kColumns == 0 || kColumns % kThreads == 0);

  // Where a thread's sums lie in the tile: of its first, and how far sum (i, j) is from there.
  __device__ static __forceinline__ int thread_row() {
    return static_cast<int>(threadIdx.x) / kThreadsAcross * kThreadRows;
  }
  __device__ static __forceinline__ int thread_column() {
    return static_cast<int>(threadIdx.x) % kThreadsAcross * kThreadColumns;
  }
  static constexpr int row(int i) { return i; }
  static constexpr int column(int j) { return j; }
};

/// kValues values from shared memory, aligned to four (two, one) floats.
template <int kValues, class Pointer>
__device__ __forceinline__ void read_values(Pointer from, float (&to)[kValues]) {
  if constexpr (kValues % 4 == 0) {
#pragma unroll
    for (int i = 0; i < kValues; i += 4) {
      const float4 four = shared_as<float4>(from + i)[0];
      to[i] = four.x;
      to[i + 1] = four.y;
      to[i + 2] = four.z;
      to[i + 3] = four.w;
    }
  } else {
#pragma unroll
    for (int i = 0; i < kValues; ++i) to[i] = from[i];
  }
}

/// sums += a slice's first `depth` values of k, in order.
template <class Tile, class Pointer>
requires(!Tile::kTensorCores) __device__ __forceinline__
    void multiply_slice(Pointer a, Pointer b, int depth, int first_row, int first_column,
                        float (&sums)[Tile::kThreadRows][Tile::kThreadColumns]) {
  const auto one = [&](int k) {
    float rows[Tile::kThreadRows], columns[Tile::kThreadColumns];
    read_values(a + (k * Tile::kLineA + first_row), rows);
    read_values(b + (k * Tile::kLineB + first_column), columns);
#pragma unroll
    for (int i = 0; i < Tile::kThreadRows; ++i)
#pragma unroll
      for (int j = 0; j < Tile::kThreadColumns; ++j) sums[i][j] = __fmaf_rn(rows[i], columns[j], sums[i][j]);
  };
  if (depth == Tile::kDepth) {
#pragma unroll
    for (int k = 0; k < Tile::kDepth; ++k) one(k);
  } else {
#pragma unroll 1
    for (int k = 0; k < depth; ++k) one(k);
  }
}

}  // namespace ganno::cuda

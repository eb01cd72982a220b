#pragma once
// The input gradient of a convolution of stride 2. Input pixels fall into four phases, by the parity of their row and
// of their column (padding included); every second tap reaches the pixels of a phase, the others fall between the
// strides. So a phase is a product of its own, of a quarter of the rows and about a quarter of the depth, without a
// zero in it: blockIdx.y is the phase.
#include "cuda/network/convolution.cuh"
#include "cuda/network/product.cuh"

namespace ganno::cuda {

/// Line: an input pixel of the phase. k: (tap, output channel), taps from the last to the first.
struct PhaseGradientTaps {
  struct Anchor {
    int sample;  // or -1
    int y, x;    // output pixel of the phase's last tap; may lie before the image
  };
  const Phase& phase;
  OutputGradient gradient;

  __device__ __forceinline__ Anchor anchor(int line) const {
    const Geometry& g = gradient.g;
    std::uint32_t rest = static_cast<std::uint32_t>(line);
    const int sample = static_cast<int>(phase.by_pixels.divide(rest));
    if (sample >= g.samples) return {-1, 0, 0};
    const int y = static_cast<int>(phase.by_width.divide(rest)), x = static_cast<int>(rest);
    return {sample, y + phase.first_out_y, x + phase.first_out_x};
  }
  __device__ __forceinline__ bool locate(const Anchor& at, int k, int& y, int& x, int& channel) const {
    const Geometry& g = gradient.g;
    std::uint32_t rest = static_cast<std::uint32_t>(k);
    std::uint32_t across = g.by_out.divide(rest);
    const std::uint32_t down = phase.by_taps_x.divide(across);
    channel = static_cast<int>(rest);
    y = at.y + static_cast<int>(down);
    x = at.x + static_cast<int>(across);
    return at.sample >= 0 && static_cast<unsigned>(y) < static_cast<unsigned>(g.out_height) &&
           static_cast<unsigned>(x) < static_cast<unsigned>(g.out_width);
  }
};

using PhasePatches = PatchesOfGradient<PhaseGradientTaps>;

/// The weights that go with them. k: (tap of the phase, output channel), taps from the last to the first.
struct PhaseTaps {
  const Phase& phase;
  const Geometry& g;
  const float* data;

  __device__ __forceinline__ const float* at(int channel, int k) const {
    std::uint32_t out = static_cast<std::uint32_t>(k);
    std::uint32_t across = g.by_out.divide(out);
    const std::uint32_t down = phase.by_taps_x.divide(across);
    const int tap =
        (phase.last_tap_y - 2 * static_cast<int>(down)) * g.size + phase.last_tap_x - 2 * static_cast<int>(across);
    return data + (tap * g.in + channel) * g.out + static_cast<int>(out);
  }
};
using PhaseWeights = WeightColumns<PhaseTaps>;

template <class Tile>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocks)
    strided_input_gradient_kernel(Product p, Phases phases) {
  const Place place = place_of_block<Tile>(p);
  if (p.active != nullptr && p.active[place.network] == 0) return;
  const Geometry& g = p.geometry;
  const Phase& phase = phases.of[blockIdx.y];
  const int rows = g.samples * phase.height * phase.width;
  if (place.first_row >= rows) return;
  const float* gradient = p.output_gradient.of(place.network);
  const float* weights = p.weights.of(place.network);
  const std::uint8_t* positions = g.pooled() ? p.positions.of(place.network) : nullptr;
  float* out = p.out.of(place.network);
  // Calls visit(place in the image, i, j) for those of the thread's elements that exist.
  const auto each = [&](auto visit) {
#pragma unroll
    for (int i = 0; i < Tile::kThreadRows; ++i) {
      const int row = place.first_row + place.row + Tile::row(i);
      if (row >= rows) continue;
      std::uint32_t rest = static_cast<std::uint32_t>(row);
      const int sample = static_cast<int>(phase.by_pixels.divide(rest));
      const int y = 2 * static_cast<int>(phase.by_width.divide(rest)) + phase.first_y;
      const int x = 2 * static_cast<int>(rest) + phase.first_x;
      const int pixel = ((sample * g.in_height + y) * g.in_width + x) * p.columns;
#pragma unroll
      for (int j = 0; j < Tile::kThreadColumns; ++j) {
        const int column = place.first_column + place.column + Tile::column(j);
        if (column < p.columns) visit(pixel + column, i, j);
      }
    }
  };
  float sums[Tile::kThreadRows][Tile::kThreadColumns] = {};
  if (p.accumulates) each([&](int at, int i, int j) { sums[i][j] = out[at]; });
  multiply_tile<Tile, true, true>(p, place, PhasePatches{{phase, {g, gradient, positions}}},
                                  PhaseWeights{{phase, g, weights}}, 0, phase.taps_y * phase.taps_x * g.out, sums);
  const float* input = p.input.of(place.network);
  each([&](int at, int i, int j) {
    const float below = p.activation == Activation::kLinear ? 0.0f : input[at];
    out[at] = activation_gradient(p.activation, below, sums[i][j]);
  });
}

}  // namespace ganno::cuda

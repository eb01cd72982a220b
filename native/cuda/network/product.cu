// Which tile a product is computed in, and its launch.
#include "cuda/network/product.cuh"

#include <algorithm>

#include "cuda/network/grid.h"
#include "cuda/network/strided.cuh"

namespace ganno::cuda {

namespace {

// Tiles of activations and their gradients, by the number of channels: 64 x 64 for wide layers, tall and narrow ones
// where there are few columns. All have 128 threads and 16 or 32 sums a thread.
using Wide = TileShape<64, 64, 16, 8, 4>;
using Narrow = TileShape<128, 32, 8, 8, 4>;
using Slim = TileShape<128, 16, 8, 4, 4>;
// Tiles of weight gradients, whose rows are inputs. The small one, of a single warp, is for the first layer of an image
// network: 9 rows of one channel, or 27 of three.
using NarrowWeights = TileShape<64, 32, 16, 4, 4>;
using SmallWeights = TileShape<16, 16, 32, 2, 4>;
// The same for tensor cores. A warp has 32 rows and more, and 16 columns and more.
using TensorWide = TensorTileShape<64, 64, 16, 4, 8>;
using TensorNarrow = TensorTileShape<128, 32, 8, 4, 8>;
using TensorSlim = TensorTileShape<128, 16, 8, 4, 4>;
using TensorNarrowWeights = TensorTileShape<64, 32, 16, 4, 4>;
using TensorSmallWeights = TensorTileShape<32, 16, 8, 4, 4>;

int tiles(int size, int tile) {
  return (size + tile - 1) / tile;
}

template <class Tile>
void launch_tiles(const Stream& stream, std::uint32_t networks, unsigned parts, Product& product,
                  void (*kernel)(Product)) {
  const int rows = tiles(product.rows, Tile::kRows), columns = tiles(product.columns, Tile::kColumns);
  product.by_tiles = Divider(rows * columns);
  product.by_column_tiles = Divider(columns);
  launch_checked(stream, {networks * static_cast<unsigned>(rows * columns), parts}, Tile::kThreads, kernel, product);
}

template <template <class, bool> class Kernel, class Tile>
void launch_tile(const Stream& stream, std::uint32_t networks, unsigned parts, Product& product) {
  const bool convolution = product.geometry.in_pixels() > 1 || product.geometry.taps() > 1;
  launch_tiles<Tile>(stream, networks, parts, product,
                     convolution ? Kernel<Tile, true>::pointer : Kernel<Tile, false>::pointer);
}

template <template <class, bool> class Kernel, class Tile, class TensorTile>
void launch_kind(const Stream& stream, std::uint32_t networks, unsigned parts, Product& product) {
  if (product.precision == Precision::kTf32) {
    launch_tile<Kernel, TensorTile>(stream, networks, parts, product);
  } else {
    launch_tile<Kernel, Tile>(stream, networks, parts, product);
  }
}

template <class Tile, bool kConvolution>
struct Forward {
  static constexpr auto pointer = forward_kernel<Tile, kConvolution>;
};
template <class Tile, bool kConvolution>
struct WeightGradient {
  static constexpr auto pointer = weight_gradient_kernel<Tile, kConvolution>;
};
template <class Tile, bool kConvolution>
struct InputGradient {
  static constexpr auto pointer = input_gradient_kernel<Tile, kConvolution>;
};

template <template <class, bool> class Kernel>
void launch_by_columns(const Stream& stream, std::uint32_t networks, Product& product) {
  if (product.columns <= Slim::kColumns) {
    launch_kind<Kernel, Slim, TensorSlim>(stream, networks, 1, product);
  } else if (product.columns <= Narrow::kColumns) {
    launch_kind<Kernel, Narrow, TensorNarrow>(stream, networks, 1, product);
  } else {
    launch_kind<Kernel, Wide, TensorWide>(stream, networks, 1, product);
  }
}

template <class Tile>
void launch_phases(const Stream& stream, std::uint32_t networks, Product& product) {
  const int rows = tiles(product.rows, Tile::kRows), columns = tiles(product.columns, Tile::kColumns);
  product.by_tiles = Divider(rows * columns);
  product.by_column_tiles = Divider(columns);
  launch_checked(stream, {networks * static_cast<unsigned>(rows * columns), 4}, Tile::kThreads,
                 strided_input_gradient_kernel<Tile>, product, phases_of(product.geometry));
}

template <class Tile, class TensorTile>
void launch_phases(const Stream& stream, std::uint32_t networks, Product& product) {
  if (product.precision == Precision::kTf32) {
    launch_phases<TensorTile>(stream, networks, product);
  } else {
    launch_phases<Tile>(stream, networks, product);
  }
}

void launch_strided_input_gradient(const Stream& stream, std::uint32_t networks, Product& product) {
  const Geometry& g = product.geometry;
  product.rows = g.samples * ((g.in_height + 1) / 2) * ((g.in_width + 1) / 2);  // of the largest phase
  product.columns = g.in;
  product.quads_a = g.out % 4 == 0;
  product.quads_b = g.out % 4 == 0;
  if (product.columns <= Slim::kColumns) {
    launch_phases<Slim, TensorSlim>(stream, networks, product);
  } else if (product.columns <= Narrow::kColumns) {
    launch_phases<Narrow, TensorNarrow>(stream, networks, product);
  } else {
    launch_phases<Wide, TensorWide>(stream, networks, product);
  }
}

}  // namespace

KSplit split_of(const Geometry& geometry) {
  // 4,096 steps of a chain and more in a part: 16 sums a thread hide most of a multiply-add's latency.
  constexpr int kSteps = 4096;
  const int pixels = geometry.out_pixels();
  if (static_cast<std::int64_t>(geometry.samples) * pixels <= 2 * kSteps) return {geometry.samples, 1};
  const int part_samples = tiles(kSteps, pixels);
  return {part_samples, tiles(geometry.samples, part_samples)};
}

void launch_forward(const Stream& stream, std::uint32_t networks, Product product) {
  const Geometry& g = product.geometry;
  product.rows = g.samples * (g.pooled() ? 4 * g.pooled_pixels() : g.out_pixels());
  product.columns = g.out;
  product.quads_a = g.in % 4 == 0;
  product.quads_b = g.out % 4 == 0;
  launch_by_columns<Forward>(stream, networks, product);
}

void launch_weight_gradient(const Stream& stream, std::uint32_t networks, Product product) {
  const Geometry& g = product.geometry;
  product.rows = g.taps() * g.in;
  product.columns = g.out;
  product.quads_a = g.in % 4 == 0;
  product.quads_b = g.out % 4 == 0;
  const auto parts = static_cast<unsigned>(tiles(g.samples, product.part_samples));
  if (product.columns > NarrowWeights::kColumns) {
    launch_kind<WeightGradient, Wide, TensorWide>(stream, networks, parts, product);
  } else if (product.rows > 2 * SmallWeights::kRows) {
    launch_kind<WeightGradient, NarrowWeights, TensorNarrowWeights>(stream, networks, parts, product);
  } else {
    launch_kind<WeightGradient, SmallWeights, TensorSmallWeights>(stream, networks, parts, product);
  }
}

Phases phases_of(const Geometry& g) {
  Phases phases;
  for (int i = 0; i < 4; ++i) {
    // Along one edge: pixels y with y + pad of this parity, which taps of this parity reach.
    const auto edge = [&](int parity, int pad, int length, int& first, int& pixels, int& taps, int& last, int& out) {
      first = (parity + pad) & 1;
      pixels = (length - first + 1) / 2;
      taps = (g.size - parity + 1) / 2;
      last = parity + 2 * (taps - 1);
      out = (first + pad - last) / 2;  // even, so exact where it is negative too
    };
    Phase& p = phases.of[i];
    edge(i / 2, g.pad_top, g.in_height, p.first_y, p.height, p.taps_y, p.last_tap_y, p.first_out_y);
    edge(i % 2, g.pad_left, g.in_width, p.first_x, p.width, p.taps_x, p.last_tap_x, p.first_out_x);
    p.by_pixels = Divider(std::max(1, p.height * p.width));
    p.by_width = Divider(std::max(1, p.width));
    p.by_taps_x = Divider(std::max(1, p.taps_x));
  }
  return phases;
}

void launch_input_gradient(const Stream& stream, std::uint32_t networks, Product product) {
  const Geometry& g = product.geometry;
  if (g.stride == 2) {
    launch_strided_input_gradient(stream, networks, product);
    return;
  }
  product.rows = g.samples * g.in_pixels();
  product.columns = g.in;
  product.quads_a = g.out % 4 == 0;
  product.quads_b = g.out % 4 == 0;
  launch_by_columns<InputGradient>(stream, networks, product);
}

}  // namespace ganno::cuda

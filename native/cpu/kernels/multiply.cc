// Walks a product in tiles: groups, then panels of one or two vectors of columns, then balanced tiles of rows.
#include "cpu/kernels/multiply.h"

#include <utility>

#include "cpu/kernels/register_tile.h"

namespace ganno::GANNO_TIER {

namespace {

using Tile = void (*)(const Product&, const float*, const float*, float*, const float*, std::int64_t);

template <int V, UnitStride kUnit, int... kRows>
constexpr Tile tile_of(int rows, std::integer_sequence<int, kRows...>) {
  constexpr Tile kByRows[] = {register_tiles<kRows + 1, V, kUnit>...};
  return kByRows[rows - 1];
}

/// Balanced tiles: 32 rows become 11 + 11 + 10, not 14 + 14 + 4, so that no tile has too few chains in flight.
template <int V, UnitStride kUnit>
void panel(const Product& product, const float* a, const float* b, float* c, std::int64_t column) {
  constexpr std::make_integer_sequence<int, kMaximumRows<V>> kHeights{};
  const std::int64_t tiles = (product.rows + kMaximumRows<V> - 1) / kMaximumRows<V>;
  const std::int64_t height = product.rows / tiles, taller = product.rows % tiles;
  const float* bias = product.bias == nullptr ? nullptr : product.bias + column;
  b += column;
  c += column;
  if (taller > 0) {
    tile_of<V, kUnit>(static_cast<int>(height) + 1, kHeights)(product, a, b, c, bias, taller);
    a += taller * (height + 1) * (kUnit == UnitStride::kRow ? 1 : product.a_row);
    c += taller * (height + 1) * product.c_row;
  }
  tile_of<V, kUnit>(static_cast<int>(height), kHeights)(product, a, b, c, bias, tiles - taller);
}

/// Whether tiles of 6x4 are fuller than those of 14x2: 3 to 8 % faster then (fewer loads a product), slower otherwise.
bool prefer_wide(std::int64_t rows) {
  const std::int64_t tiles = (rows + 5) / 6;
  return kVectorWidth == 16 && 3 * rows >= 16 * tiles;
}

template <UnitStride kUnit>
void multiply_with(const Product& product) {
  for (std::int64_t group = 0; group < product.groups; ++group) {
    const float* a = product.a + group * product.a_group;
    float* c = product.c + group * product.c_group;
    std::int64_t column = 0;
    if constexpr (kVectorWidth == 16) {
      if (prefer_wide(product.rows)) {
        for (; column + 64 <= product.columns; column += 64) panel<4, kUnit>(product, a, product.b, c, column);
      }
    }
    for (; column + 2 * kVectorWidth <= product.columns; column += 2 * kVectorWidth) {
      panel<2, kUnit>(product, a, product.b, c, column);
    }
    if constexpr (kVectorWidth == 16) {
      for (; column < product.columns; column += 16) panel<1, kUnit>(product, a, product.b, c, column);
    }
  }
}

/// P pixels of a 3x3 convolution of one channel: the nine vectors of b stay in registers.
template <int P>
void nine_taps(const Product& product, const float* a, const Vector (&b)[9], Vector bias, float* c,
               std::int64_t tiles) {
  const std::int64_t c_row = product.c_row;
  const float* lines[3];
#pragma GCC unroll 3
  for (int y = 0; y < 3; ++y) lines[y] = a + product.a_segments[y];
  for (; tiles > 0; --tiles) {
    Vector sums[P];
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) sums[p] = bias;
#pragma GCC unroll 9
    for (int tap = 0; tap < 9; ++tap)
#pragma GCC unroll 16
      for (int p = 0; p < P; ++p) sums[p] = fma(set1(lines[tap / 3][tap % 3 + p]), b[tap], sums[p]);
#pragma GCC unroll 16
    for (int p = 0; p < P; ++p) {
      store(c, product.relu ? max(zero(), sums[p]) : sums[p]);
      c += c_row;
    }
#pragma GCC unroll 3
    for (int y = 0; y < 3; ++y) lines[y] += P;
  }
}

bool is_nine_taps(const Product& product) {
  return product.a_k == 1 && product.a_row == 1 && product.segments == 3 && product.depth == 3 &&
         product.start == Start::kBias && product.relu_output == nullptr;
}

void multiply_nine_taps(const Product& product) {
  // Neighbours share broadcasts: 14 pixels would spill them.
  constexpr int kPixels = kVectorWidth == 16 ? 7 : 4;
  for (std::int64_t column = 0; column < product.columns; column += kVectorWidth) {
    Vector b[9];
#pragma GCC unroll 9
    for (int tap = 0; tap < 9; ++tap) {
      b[tap] = load(product.b + product.b_segments[tap / 3] + tap % 3 * product.b_k + column);
    }
    const Vector bias = load(product.bias + column);
    for (std::int64_t group = 0; group < product.groups; ++group) {
      const float* a = product.a + group * product.a_group;
      float* c = product.c + group * product.c_group + column;
      const std::int64_t tiles = product.rows / kPixels, done = tiles * kPixels;
      nine_taps<kPixels>(product, a, b, bias, c, tiles);
      nine_taps<1>(product, a + done, b, bias, c + done * product.c_row, product.rows - done);
    }
  }
}

/// P = kernel*kernel taps by one vector of columns; the input row pointers advance together.
template <int kKernel>
void one_channel(const float* a, std::int64_t a_row, std::int64_t a_tap, std::int64_t a_pixel, const float* b,
                 std::int64_t b_row, std::int64_t b_pixel, std::int64_t height, std::int64_t width, float* c,
                 std::int64_t c_row) {
  Vector sums[kKernel][3];
  for (int first = 0; first < kKernel; first += 3) {
    const int taps = kKernel - first < 3 ? kKernel - first : 3;
#pragma GCC unroll 5
    for (int y = 0; y < kKernel; ++y)
#pragma GCC unroll 3
      for (int x = 0; x < 3; ++x) sums[y][x] = x < taps ? load(c + (y * kKernel + first + x) * c_row) : zero();
    for (std::int64_t row = 0; row < height; ++row) {
      const float* a_at = a + row * a_row + first;
      const float* b_at = b + row * b_row;
      for (std::int64_t column = 0; column < width; ++column) {
        const Vector gradient = load(b_at);
#pragma GCC unroll 5
        for (int y = 0; y < kKernel; ++y)
#pragma GCC unroll 3
          for (int x = 0; x < 3; ++x) {
            // A 5x5 kernel takes taps 0-2, then 3-4: the sixth column of the second round is computed and dropped.
            sums[y][x] = fma(set1(a_at[y * a_tap + x]), gradient, sums[y][x]);
          }
        a_at += a_pixel;
        b_at += b_pixel;
      }
    }
#pragma GCC unroll 5
    for (int y = 0; y < kKernel; ++y)
#pragma GCC unroll 3
      for (int x = 0; x < 3; ++x)
        if (x < taps) store(c + (y * kKernel + first + x) * c_row, sums[y][x]);
  }
}

}  // namespace

void multiply(const Product& product) {
  if (product.rows == 0) return;
  if (is_nine_taps(product)) return multiply_nine_taps(product);
  const auto part = product.a_k == 1 ? multiply_with<UnitStride::kDepth> : multiply_with<UnitStride::kRow>;
  // Where b, one narrow panel, outgrows the first cache level, every tile of every group would read it from the second.
  // Rather take k in parts that fit, keeping the sums in c between them: the chains stay the same.
  constexpr std::int64_t kNearFloats = 7168;
  const std::int64_t segment = product.depth * product.b_k;
  if (product.b_k > 32 || product.groups < 4 || product.segments * segment <= kNearFloats || segment > kNearFloats) {
    return part(product);
  }
  Product some = product;
  some.relu = false;
  some.relu_output = nullptr;
  for (std::int64_t first = 0; first < product.segments; first += some.segments) {
    some.segments = kNearFloats / segment;
    if (some.segments > product.segments - first) some.segments = product.segments - first;
    some.a_segments = product.a_segments + first;
    some.b_segments = product.b_segments + first;
    if (first > 0) some.start = Start::kAccumulate;
    if (first + some.segments == product.segments) {
      some.relu = product.relu;
      some.relu_output = product.relu_output;
    }
    part(some);
  }
}

void weight_gradient_one_channel(std::int64_t kernel, const float* a, std::int64_t a_row, std::int64_t a_tap,
                                 std::int64_t a_pixel, const float* b, std::int64_t b_row, std::int64_t b_pixel,
                                 std::int64_t height, std::int64_t width, float* c, std::int64_t c_row,
                                 std::int64_t columns) {
  for (std::int64_t column = 0; column < columns; column += kVectorWidth) {
    if (kernel == 3) {
      one_channel<3>(a, a_row, a_tap, a_pixel, b + column, b_row, b_pixel, height, width, c + column, c_row);
    } else {
      one_channel<5>(a, a_row, a_tap, a_pixel, b + column, b_row, b_pixel, height, width, c + column, c_row);
    }
  }
}

}  // namespace ganno::GANNO_TIER

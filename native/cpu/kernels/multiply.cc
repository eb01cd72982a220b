// Walks a product in tiles: groups, then panels of one or two vectors of columns, then balanced tiles of rows.
#include "cpu/kernels/multiply.h"

#include "cpu/kernels/register_tile.h"

namespace ganno::GANNO_TIER {

namespace {

using Tile = void (*)(const Product&, const float*, const float*, float*, const float*, std::int64_t);

template <int V, UnitStride kUnit>
struct Tiles {
#if defined(GANNO_TIER_avx512)
  static constexpr Tile by_rows[kMaximumRows + 1] = {
      nullptr,
      register_tiles<1, V, kUnit>,
      register_tiles<2, V, kUnit>,
      register_tiles<3, V, kUnit>,
      register_tiles<4, V, kUnit>,
      register_tiles<5, V, kUnit>,
      register_tiles<6, V, kUnit>,
      register_tiles<7, V, kUnit>,
      register_tiles<8, V, kUnit>,
      register_tiles<9, V, kUnit>,
      register_tiles<10, V, kUnit>,
      register_tiles<11, V, kUnit>,
      register_tiles<12, V, kUnit>,
      register_tiles<13, V, kUnit>,
      register_tiles<14, V, kUnit>,
  };
#else
  static constexpr Tile by_rows[kMaximumRows + 1] = {
      nullptr,
      register_tiles<1, V, kUnit>,
      register_tiles<2, V, kUnit>,
      register_tiles<3, V, kUnit>,
      register_tiles<4, V, kUnit>,
      register_tiles<5, V, kUnit>,
      register_tiles<6, V, kUnit>,
  };
#endif
};

/// Balanced tiles: 32 rows become 11 + 11 + 10, not 14 + 14 + 4, so that no tile has too few chains in flight.
template <int V, UnitStride kUnit>
void panel(const Product& product, const float* a, const float* b, float* c, const float* bias) {
  const std::int64_t tiles = (product.rows + kMaximumRows - 1) / kMaximumRows;
  const std::int64_t height = product.rows / tiles, taller = product.rows % tiles;
  const std::int64_t a_row = kUnit == UnitStride::kRow ? 1 : product.a_row;
  if (taller > 0) {
    Tiles<V, kUnit>::by_rows[height + 1](product, a, b, c, bias, taller);
    a += taller * (height + 1) * a_row;
    c += taller * (height + 1) * product.c_row;
  }
  Tiles<V, kUnit>::by_rows[height](product, a, b, c, bias, tiles - taller);
}

template <UnitStride kUnit>
void multiply_with(const Product& product) {
  for (std::int64_t group = 0; group < product.groups; ++group) {
    const auto bias = [&](std::int64_t at) { return product.bias == nullptr ? nullptr : product.bias + at; };
    const float* a = product.a + group * product.a_group;
    float* c = product.c + group * product.c_group;
    std::int64_t column = 0;
    for (; column + 2 * kVectorWidth <= product.columns; column += 2 * kVectorWidth) {
      panel<2, kUnit>(product, a, product.b + column, c + column, bias(column));
    }
    for (; column < product.columns; column += kVectorWidth) {
      panel<1, kUnit>(product, a, product.b + column, c + column, bias(column));
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
  if (product.a_k == 1) {
    multiply_with<UnitStride::kDepth>(product);
  } else {
    multiply_with<UnitStride::kRow>(product);
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

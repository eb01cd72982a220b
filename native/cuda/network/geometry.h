#pragma once
// Shapes as kernels take them: small integers, and divisions by what only the host knows.
#include <cstdint>

namespace ganno::cuda {

/// Division of 31-bit numbers by a constant of the launch: a multiplication and a shift instead of twenty instructions
/// (Granlund & Montgomery 1994, "Division by invariant integers using multiplication").
struct Divider {
  std::uint32_t divisor = 1, multiplier = 0, shift = 0;

  constexpr Divider() = default;
  constexpr explicit Divider(std::int64_t by) : divisor(static_cast<std::uint32_t>(by)) {
    if (divisor <= 1) return;
    std::uint32_t bits = 1;
    while ((std::uint64_t{1} << bits) < divisor) ++bits;
    multiplier = static_cast<std::uint32_t>(((std::uint64_t{1} << (31 + bits)) + divisor - 1) / divisor);
    shift = bits - 1;
  }
  constexpr std::uint32_t quotient(std::uint32_t n) const {
    if (divisor <= 1) return n;
    return static_cast<std::uint32_t>((static_cast<std::uint64_t>(n) * multiplier) >> 32) >> shift;
  }
  /// Leaves the remainder in n.
  constexpr std::uint32_t divide(std::uint32_t& n) const {
    const std::uint32_t q = quotient(n);
    n -= q * divisor;
    return q;
  }
};

/// A convolution, or a dense layer as one of a single pixel. Images are compact NHWC, weights [tap][in][out].
struct Geometry {
  int samples = 0;
  int in_height = 1, in_width = 1, in = 0;
  int out_height = 1, out_width = 1, out = 0;  // before fused pooling
  int size = 1, stride = 1, pad_top = 0, pad_left = 0;
  int pooled_height = 0, pooled_width = 0;  // after fused 2x2 pooling; 0: none
  Divider by_in, by_out, by_size, by_in_pixels, by_in_width, by_out_pixels, by_out_width, by_pooled_pixels,
      by_pooled_width;

  constexpr bool pooled() const { return pooled_width > 0; }
  constexpr int taps() const { return size * size; }
  constexpr int in_pixels() const { return in_height * in_width; }
  constexpr int out_pixels() const { return out_height * out_width; }
  constexpr int pooled_pixels() const { return pooled_height * pooled_width; }

  constexpr void set_dividers() {
    by_in = Divider(in);
    by_out = Divider(out);
    by_size = Divider(size);
    by_in_pixels = Divider(in_pixels());
    by_in_width = Divider(in_width);
    by_out_pixels = Divider(out_pixels());
    by_out_width = Divider(out_width);
    by_pooled_pixels = Divider(pooled() ? pooled_pixels() : 1);
    by_pooled_width = Divider(pooled() ? pooled_width : 1);
  }
};

/// An array of every network: network i's part begins at data + i * stride.
template <typename Element>
struct PerNetwork {
  Element* data = nullptr;
  std::int64_t stride = 0;

  constexpr Element* of(std::uint32_t network) const { return data + static_cast<std::int64_t>(network) * stride; }
};

}  // namespace ganno::cuda

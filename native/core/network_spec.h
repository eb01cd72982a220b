#pragma once
// What a child network is made of, as every back end takes it.
#include <cstdint>

namespace ganno {

/// Numbers of these enumerations are part of the binding contract (binding.d.ts): append, never renumber.
enum class LayerKind : std::uint32_t {
  kDense,
  kConvolution,
  kMaxPool,
  kAveragePool,
  kGlobalAveragePool,
  kDropout,
  kBatchNorm,
  kAdd,
  kFlatten  // inserted where an image meets the first dense layer; not part of the contract
};
enum class Activation : std::uint32_t { kLinear, kRelu, kTanh };
enum class Initializer : std::uint32_t { kHeUniform, kHeNormal, kXavierUniform, kXavierNormal };

/// What products are computed in. kTf32: operands rounded to 10 bits of mantissa, sums in float32 (CUDA's tensor
/// cores).
enum class Precision : std::uint32_t { kFloat32, kTf32 };

struct LayerSpec {
  LayerKind kind = LayerKind::kDense;
  std::int64_t units = 0;  // dense: units; convolution: filters
  std::int64_t size = 0;   // kernel or window edge
  std::int64_t stride = 1;
  bool same_padding = false;
  Activation activation = Activation::kLinear;
  Initializer initializer = Initializer::kHeUniform;
  double rate = 0;     // dropout; batch norm: the momentum of its running statistics
  double epsilon = 0;  // batch norm

  /// Layers whose outputs this one takes, by number: -1 is the network's input. A layer takes that of the one before
  /// it, except the first convolution of each branch of a residual block; only a sum has an addend.
  static constexpr std::int64_t kPrevious = -2;
  std::int64_t input = kPrevious, addend = -1;
};

struct ImageShape {
  std::int64_t height = 1, width = 1, channels = 0;

  std::int64_t values() const { return height * width * channels; }
  bool is_vector() const { return height == 1 && width == 1; }
};

}  // namespace ganno

#pragma once
// Sources of a convolution's operands: the matrices that im2col would write out are read where they lie.
#include "cuda/network/geometry.h"
#include "cuda/network/slice.cuh"

namespace ganno::cuda {

/// A matrix whose elements lie in `data` or are 0. @tparam Places its lines, and the offset of an element, or -1
template <class Places>
struct Gathered : Places {
  using Anchor = typename Places::Anchor;

  __device__ __forceinline__ float value(const Anchor& at, int k) const {
    const int from = this->offset(at, k);
    return from < 0 ? 0.0f : this->data[from];
  }
  __device__ __forceinline__ float4 quad(const Anchor& at, int k) const {
    const int from = this->offset(at, k);
    return from < 0 ? make_float4(0, 0, 0, 0) : load4(this->data + from);
  }
};

/// Row: an output pixel. k: (tap, channel) of the input patch under it; 0 in the padding. With fused pooling rows are
/// four to a pooled pixel, in the order of its window, and pixels outside every window are no rows.
struct InputPatchRows {
  struct Anchor {
    int offset;  // of the sample, or -1
    int y, x;    // of tap 0
  };
  const Geometry& g;
  const float* data;

  __device__ __forceinline__ Anchor anchor(int line) const {
    std::uint32_t rest = static_cast<std::uint32_t>(line);
    int sample, y, x;
    if (g.pooled()) {
      const std::uint32_t position = rest & 3;
      rest >>= 2;
      sample = static_cast<int>(g.by_pooled_pixels.divide(rest));
      y = static_cast<int>(2 * g.by_pooled_width.divide(rest) + (position >> 1));
      x = static_cast<int>(2 * rest + (position & 1));
    } else {
      sample = static_cast<int>(g.by_out_pixels.divide(rest));
      y = static_cast<int>(g.by_out_width.divide(rest));
      x = static_cast<int>(rest);
    }
    if (sample >= g.samples) return {-1, 0, 0};
    return {sample * g.in_pixels() * g.in, y * g.stride - g.pad_top, x * g.stride - g.pad_left};
  }
  /// Of (tap, channel), or -1 in the padding.
  __device__ __forceinline__ int offset(const Anchor& at, int k) const {
    std::uint32_t channel = static_cast<std::uint32_t>(k);
    std::uint32_t tap_x = g.by_in.divide(channel);
    const std::uint32_t tap_y = g.by_size.divide(tap_x);
    const int y = at.y + static_cast<int>(tap_y), x = at.x + static_cast<int>(tap_x);
    const bool inside = at.offset >= 0 && static_cast<unsigned>(y) < static_cast<unsigned>(g.in_height) &&
                        static_cast<unsigned>(x) < static_cast<unsigned>(g.in_width);
    return inside ? at.offset + (y * g.in_width + x) * g.in + static_cast<int>(channel) : -1;
  }
};

using InputPatches = Gathered<InputPatchRows>;

/// Line: (tap, channel). k: (sample, output pixel). The transpose of InputPatches without pooling.
struct InputPatchTaps {
  struct Anchor {
    int channel;  // or -1
    int y, x;     // tap less padding
  };
  const Geometry& g;
  const float* data;

  __device__ __forceinline__ Anchor anchor(int line) const {
    if (line >= g.taps() * g.in) return {-1, 0, 0};
    std::uint32_t channel = static_cast<std::uint32_t>(line);
    std::uint32_t tap_x = g.by_in.divide(channel);
    const std::uint32_t tap_y = g.by_size.divide(tap_x);
    return {static_cast<int>(channel), static_cast<int>(tap_y) - g.pad_top, static_cast<int>(tap_x) - g.pad_left};
  }
  __device__ __forceinline__ int offset(const Anchor& at, int k) const {
    std::uint32_t pixel = static_cast<std::uint32_t>(k);
    const int sample = static_cast<int>(g.by_out_pixels.divide(pixel));
    const int y = static_cast<int>(g.by_out_width.divide(pixel)) * g.stride + at.y;
    const int x = static_cast<int>(pixel) * g.stride + at.x;
    const bool inside = at.channel >= 0 && static_cast<unsigned>(y) < static_cast<unsigned>(g.in_height) &&
                        static_cast<unsigned>(x) < static_cast<unsigned>(g.in_width);
    return inside ? ((sample * g.in_height + y) * g.in_width + x) * g.in + at.channel : -1;
  }
};

using InputPatchColumns = Gathered<InputPatchTaps>;

/// The gradient of a convolution's output, unpooled while it is read: a pooled value went to one pixel of its window.
struct OutputGradient {
  const Geometry& g;
  const float* data;
  const std::uint8_t* positions;

  /// Of the pooled value and, in `position`, which pixel of its window (y, x) is; -1 outside every window.
  __device__ __forceinline__ int pooled_offset(int sample, int y, int x, int channel, unsigned& position) const {
    position = static_cast<unsigned>((y & 1) * 2 + (x & 1));
    const int py = y >> 1, px = x >> 1;
    if (py >= g.pooled_height || px >= g.pooled_width) return -1;
    return ((sample * g.pooled_height + py) * g.pooled_width + px) * g.out + channel;
  }
  __device__ __forceinline__ float value(int sample, int y, int x, int channel) const {
    if (!g.pooled()) return data[((sample * g.out_height + y) * g.out_width + x) * g.out + channel];
    unsigned position;
    const int from = pooled_offset(sample, y, x, channel, position);
    return from < 0 || positions[from] != position ? 0.0f : data[from];
  }
  __device__ __forceinline__ float4 quad(int sample, int y, int x, int channel) const {
    if (!g.pooled()) return load4(data + ((sample * g.out_height + y) * g.out_width + x) * g.out + channel);
    unsigned position;
    const int from = pooled_offset(sample, y, x, channel, position);
    if (from < 0) return make_float4(0, 0, 0, 0);
    const uchar4 chosen = *reinterpret_cast<const uchar4*>(positions + from);
    const float4 all = load4(data + from);
    return make_float4(chosen.x == position ? all.x : 0.0f, chosen.y == position ? all.y : 0.0f,
                       chosen.z == position ? all.z : 0.0f, chosen.w == position ? all.w : 0.0f);
  }
};

/// Line: an output channel. k: (sample, output pixel).
struct OutputGradientColumns {
  using Anchor = int;  // channel, or -1
  OutputGradient gradient;

  __device__ __forceinline__ Anchor anchor(int line) const { return line < gradient.g.out ? line : -1; }
  __device__ __forceinline__ float value(Anchor at, int k) const {
    if (at < 0) return 0.0f;
    if (!gradient.g.pooled()) return gradient.data[k * gradient.g.out + at];
    int sample, y, x;
    locate(k, sample, y, x);
    return gradient.value(sample, y, x, at);
  }
  __device__ __forceinline__ float4 quad(Anchor at, int k) const {
    if (at < 0) return make_float4(0, 0, 0, 0);
    if (!gradient.g.pooled()) return load4(gradient.data + k * gradient.g.out + at);
    int sample, y, x;
    locate(k, sample, y, x);
    return gradient.quad(sample, y, x, at);
  }

 private:
  __device__ __forceinline__ void locate(int k, int& sample, int& y, int& x) const {
    std::uint32_t pixel = static_cast<std::uint32_t>(k);
    sample = static_cast<int>(gradient.g.by_out_pixels.divide(pixel));
    y = static_cast<int>(gradient.g.by_out_width.divide(pixel));
    x = static_cast<int>(pixel);
  }
};

/// Output pixels whose patches reach an input pixel. @tparam Taps its lines, and which output pixel and channel k is
template <class Taps>
struct PatchesOfGradient : Taps {
  using Anchor = typename Taps::Anchor;

  __device__ __forceinline__ float value(const Anchor& at, int k) const {
    int y, x, channel;
    return this->locate(at, k, y, x, channel) ? this->gradient.value(at.sample, y, x, channel) : 0.0f;
  }
  __device__ __forceinline__ float4 quad(const Anchor& at, int k) const {
    int y, x, channel;
    return this->locate(at, k, y, x, channel) ? this->gradient.quad(at.sample, y, x, channel) : make_float4(0, 0, 0, 0);
  }
};

/// Column: an input channel. @tparam Taps where the weight of a channel and k lies
template <class Taps>
struct WeightColumns : Taps {
  using Anchor = int;  // channel, or -1

  __device__ __forceinline__ Anchor anchor(int line) const { return line < this->g.in ? line : -1; }
  __device__ __forceinline__ float value(Anchor channel, int k) const {
    return channel < 0 ? 0.0f : *this->at(channel, k);
  }
  __device__ __forceinline__ float4 quad(Anchor channel, int k) const {
    return channel < 0 ? make_float4(0, 0, 0, 0) : load4(this->at(channel, k));
  }
};

/// Line: an input pixel. k: (tap, output channel), taps from the last to the first, so that output pixels ascend. A tap
/// that reaches beyond an edge gives 0. Stride 1; see strided.cuh for 2.
struct OutputGradientTaps {
  struct Anchor {
    int sample;  // or -1
    int y, x;    // input pixel plus padding
  };
  OutputGradient gradient;

  __device__ __forceinline__ Anchor anchor(int line) const {
    const Geometry& g = gradient.g;
    std::uint32_t rest = static_cast<std::uint32_t>(line);
    const int sample = static_cast<int>(g.by_in_pixels.divide(rest));
    if (sample >= g.samples) return {-1, 0, 0};
    const int y = static_cast<int>(g.by_in_width.divide(rest));
    return {sample, y + g.pad_top, static_cast<int>(rest) + g.pad_left};
  }
  __device__ __forceinline__ bool locate(const Anchor& at, int k, int& y, int& x, int& channel) const {
    const Geometry& g = gradient.g;
    std::uint32_t rest = static_cast<std::uint32_t>(k);
    std::uint32_t tap_x = g.by_out.divide(rest);
    const std::uint32_t tap_y = g.by_size.divide(tap_x);
    channel = static_cast<int>(rest);
    y = at.y - (g.size - 1 - static_cast<int>(tap_y));
    x = at.x - (g.size - 1 - static_cast<int>(tap_x));
    if (at.sample < 0 || y < 0 || x < 0) return false;
    return y < g.out_height && x < g.out_width;
  }
};

using OutputGradientPatches = PatchesOfGradient<OutputGradientTaps>;

/// The weights that go with them. k: (tap, output channel), taps from the last to the first.
struct FlippedTaps {
  const Geometry& g;
  const float* data;

  __device__ __forceinline__ const float* at(int channel, int k) const {
    std::uint32_t out = static_cast<std::uint32_t>(k);
    const int tap = g.taps() - 1 - static_cast<int>(g.by_out.divide(out));
    return data + (tap * g.in + channel) * g.out + static_cast<int>(out);
  }
};
using FlippedWeights = WeightColumns<FlippedTaps>;

}  // namespace ganno::cuda

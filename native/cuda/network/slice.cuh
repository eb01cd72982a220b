#pragma once
// How a slice of an operand comes into shared memory. A source knows where an operand's values lie:
//
//   Anchor anchor(int line)               what a row or column has in common for all k; valid or not
//   float value(const Anchor&, int k)     one value; a line that is not valid gives 0
//   float4 quad(const Anchor&, int k)     four that lie side by side in memory: k..k+3 (kAlongDepth) or four lines
//
// Lines are rows of a or columns of b. Single values are read with neighbouring threads on neighbouring lines, where
// neighbours are pixels or channels; quads in the order of memory.
#include "cuda/runtime.h"
#include "cuda/tensor_core.h"

namespace ganno::cuda {

template <int kLines, int kDepth, int kThreads, bool kAlongDepth, class Source>
class Slice {
  static constexpr int kSingles = kLines * kDepth / kThreads;
  static constexpr int kAllQuads = kLines * kDepth / 4;
  static constexpr int kQuads = (kAllQuads + kThreads - 1) / kThreads;
  static constexpr int kValues = kSingles > 4 * kQuads ? kSingles : 4 * kQuads;
  static constexpr int kAnchors = kAlongDepth ? kQuads : 1;
  static_assert(kThreads % kLines == 0, "a thread's single values are all of one line");
  static_assert(kAlongDepth || kThreads % (kLines / 4) == 0, "a thread's quads are all of the same lines");

  // Quads along the depth go round the depth first, those along lines round the lines.
  static constexpr int kAcross = kAlongDepth ? kDepth / 4 : kLines / 4;

 public:
  __device__ __forceinline__ Slice(const Source& source, bool quads, int first_line)
      : source_(source), quads_(quads), thread_(static_cast<int>(threadIdx.x)) {
    if (!quads_) {
      anchors_[0] = source_.anchor(first_line + thread_ % kLines);
    } else if constexpr (kAlongDepth) {
#pragma unroll
      for (int j = 0; j < kQuads; ++j) {
        anchors_[j] = source_.anchor(first_line + (thread_ + j * kThreads) / kAcross);
      }
    } else {
      anchors_[0] = source_.anchor(first_line + thread_ % kAcross * 4);
    }
  }

  /// Reads values of k from `first` on, before `end`, into registers.
  __device__ __forceinline__ void fetch(int first, int end) {
    if (quads_) {
#pragma unroll
      for (int j = 0; j < kQuads; ++j) {
        const int unit = thread_ + j * kThreads;
        const int k = first + (kAlongDepth ? unit % kAcross * 4 : unit / kAcross);
        float4 four = make_float4(0, 0, 0, 0);
        if (k < end && unit < kAllQuads) four = source_.quad(anchors_[kAlongDepth ? j : 0], k);
        values_[4 * j] = four.x;
        values_[4 * j + 1] = four.y;
        values_[4 * j + 2] = four.z;
        values_[4 * j + 3] = four.w;
      }
    } else {
#pragma unroll
      for (int j = 0; j < kSingles; ++j) {
        const int k = first + (thread_ + j * kThreads) / kLines;
        values_[j] = k < end ? source_.value(anchors_[0], k) : 0.0f;
      }
    }
  }

  /// Writes them to a slice of lines `line` floats apart, rounded to TF32 when asked.
  template <int kLine, bool kRounded, class Pointer>
  __device__ __forceinline__ void store(Pointer slice) const {
    const auto value = [this](int i) { return kRounded ? round_to_tf32(values_[i]) : values_[i]; };
    if (quads_) {
#pragma unroll
      for (int j = 0; j < kQuads; ++j) {
        const int unit = thread_ + j * kThreads;
        if (unit >= kAllQuads) break;
        if constexpr (kAlongDepth) {
          const Pointer to = slice + (unit % kAcross * 4 * kLine + unit / kAcross);
#pragma unroll
          for (int i = 0; i < 4; ++i) to[i * kLine] = value(4 * j + i);
        } else {
          shared_as<float4>(slice + (unit / kAcross * kLine + unit % kAcross * 4))[0] =
              make_float4(value(4 * j), value(4 * j + 1), value(4 * j + 2), value(4 * j + 3));
        }
      }
    } else {
#pragma unroll
      for (int j = 0; j < kSingles; ++j) {
        const int unit = thread_ + j * kThreads;
        slice[unit / kLines * kLine + unit % kLines] = value(j);
      }
    }
  }

 private:
  const Source& source_;
  bool quads_;
  int thread_;
  typename Source::Anchor anchors_[kAnchors] = {};
  float values_[kValues] = {};
};

/// A matrix whose lines lie one after another: value k of line i at data[i * width + k].
struct Lines {
  using Anchor = int;  // offset, or -1
  const float* data;
  int width, lines;

  __device__ __forceinline__ Anchor anchor(int line) const { return line < lines ? line * width : -1; }
  __device__ __forceinline__ float value(Anchor at, int k) const { return at < 0 ? 0.0f : data[at + k]; }
  __device__ __forceinline__ float4 quad(Anchor at, int k) const {
    return at < 0 ? make_float4(0, 0, 0, 0) : load4(data + at + k);
  }
};

/// A matrix whose values of one k lie side by side: value k of line i at data[k * width + i].
struct Columns {
  using Anchor = int;  // line, or -1
  const float* data;
  int width;

  __device__ __forceinline__ Anchor anchor(int line) const { return line < width ? line : -1; }
  __device__ __forceinline__ float value(Anchor at, int k) const { return at < 0 ? 0.0f : data[k * width + at]; }
  __device__ __forceinline__ float4 quad(Anchor at, int k) const {
    return at < 0 ? make_float4(0, 0, 0, 0) : load4(data + k * width + at);
  }
};

}  // namespace ganno::cuda

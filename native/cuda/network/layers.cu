// Kernels of layers.h.
#include "cuda/network/layers.h"

#include "cuda/network/activation.cuh"
#include "cuda/network/grid.h"

namespace ganno::cuda {

namespace {

constexpr unsigned kThreads = 128;

__device__ bool left_out(const std::uint32_t* active, std::uint32_t network) {
  return active != nullptr && active[network] == 0;
}

/// Sixteen threads to a row of logits: the lanes in which the CPU sums.
constexpr unsigned kLanes = 16;

__global__ void __launch_bounds__(kThreads) softmax_loss_kernel(SoftmaxLoss l) {
  const std::uint32_t network = blockIdx.y;
  if (left_out(l.active, network)) return;
  const std::uint32_t row = blockIdx.x * (kThreads / kLanes) + threadIdx.x / kLanes;
  const std::uint32_t lane = threadIdx.x % kLanes;
  const bool exists = row < l.samples;  // lanes without a row still take part in the exchanges
  const std::uint32_t classes = exists ? l.classes : 0;
  const float* z = l.logits.of(network) + row * l.classes;
  float top = -3.0e38f;
  for (std::uint32_t c = lane; c < classes; c += kLanes) top = z[c] > top ? z[c] : top;
  for (int distance = kLanes / 2; distance > 0; distance /= 2) {
    const float other = __shfl_xor_sync(0xffffffffu, top, distance, kLanes);
    top = other > top ? other : top;
  }
  float lane_sum = 0;
  for (std::uint32_t c = lane; c < classes; c += kLanes) lane_sum = lane_sum + exponential(z[c] - top);
  double folded = static_cast<double>(lane_sum);
  for (unsigned distance = kLanes / 2; distance > 0; distance /= 2) {
    folded += __shfl_down_sync(0xffffffffu, folded, distance, kLanes);
  }
  const float sum = __shfl_sync(0xffffffffu, static_cast<float>(folded), 0, kLanes);
  if (!exists) return;
  const std::uint32_t found = l.labels[l.numbers.of(network)[row]];
  // A label beyond the classes would be an address out of the row.
  const std::uint32_t label = found < l.classes ? found : l.classes - 1;
  if (l.gradient.data != nullptr) {
    const float scale = 1.0f / static_cast<float>(l.samples);
    const float share = scale / sum;
    float* gradient = l.gradient.of(network) + row * l.classes;
    for (std::uint32_t c = lane; c < classes; c += kLanes) {
      const float value = exponential(z[c] - top) * share;
      gradient[c] = c == label ? value - scale : value;
    }
  }
  if (lane != 0) return;
  // Ties count for the first class only, as argmax does.
  bool correct = z[label] == top;
  for (std::uint32_t c = 0; c < label && correct; ++c) correct = z[c] != top;
  l.correct.of(network)[row] = correct ? 1 : 0;
  l.losses.of(network)[row] = logarithm(sum) + (top - z[label]);
}

struct Window {
  int top, bottom, left, right;  // input rows [top, bottom), columns [left, right)
};

__device__ Window window_of(const Pooling& p, int y, int x) {
  const Geometry& g = p.geometry;
  const int top = y * g.stride - g.pad_top, left = x * g.stride - g.pad_left;
  const int bottom = top + p.window, right = left + p.window;
  return {top < 0 ? 0 : top, bottom > g.in_height ? g.in_height : bottom, left < 0 ? 0 : left,
          right > g.in_width ? g.in_width : right};
}

__global__ void __launch_bounds__(kThreads) pool_kernel(Pooling p) {
  const std::uint32_t network = blockIdx.y;
  if (left_out(p.active, network)) return;
  const Geometry& g = p.geometry;
  const std::uint32_t to = blockIdx.x * kThreads + threadIdx.x;
  std::uint32_t channel = to;
  std::uint32_t pixel = g.by_out.divide(channel);
  const std::uint32_t sample = g.by_out_pixels.divide(pixel);
  const std::uint32_t y = g.by_out_width.divide(pixel);
  if (sample >= static_cast<std::uint32_t>(g.samples)) return;
  const Window w = window_of(p, static_cast<int>(y), static_cast<int>(pixel));
  const float* input = p.input.of(network) + sample * static_cast<std::uint32_t>(g.in_pixels() * g.in) + channel;
  float result = 0;
  if (p.maximum) {
    int position = 0, best = 0;
    for (int row = w.top; row < w.bottom; ++row) {
      for (int column = w.left; column < w.right; ++column, ++position) {
        const float value = input[(row * g.in_width + column) * g.in];
        if (position == 0 || value > result) {
          result = value;
          best = position;
        }
      }
    }
    p.positions.of(network)[to] = static_cast<std::uint8_t>(best);
  } else {
    for (int row = w.top; row < w.bottom; ++row) {
      for (int column = w.left; column < w.right; ++column) {
        result = result + input[(row * g.in_width + column) * g.in];
      }
    }
    result = result * (1.0f / static_cast<float>((w.bottom - w.top) * (w.right - w.left)));
  }
  p.output.of(network)[to] = result;
}

/// A thread for each input value gathers from the windows it lies in, first to last, as the CPU spreads them.
__global__ void __launch_bounds__(kThreads) pool_gradient_kernel(Pooling p) {
  const std::uint32_t network = blockIdx.y;
  if (left_out(p.active, network)) return;
  const Geometry& g = p.geometry;
  const std::uint32_t to = blockIdx.x * kThreads + threadIdx.x;
  std::uint32_t channel = to;
  std::uint32_t pixel = g.by_in.divide(channel);
  const auto sample = static_cast<int>(g.by_in_pixels.divide(pixel));
  const auto y = static_cast<int>(g.by_in_width.divide(pixel));
  const auto x = static_cast<int>(pixel);
  if (sample >= g.samples) return;
  const auto first = [&](int at, int pad) {  // the first window that reaches `at`
    const int past = at + pad - p.window;
    return past < 0 ? 0 : past / g.stride + 1;
  };
  const auto last = [&](int at, int pad, int outputs) {
    const int found = (at + pad) / g.stride;
    return found < outputs ? found : outputs - 1;
  };
  const float* gradient = p.output_gradient.of(network);
  float sum = 0;
  for (int oy = first(y, g.pad_top); oy <= last(y, g.pad_top, g.out_height); ++oy) {
    for (int ox = first(x, g.pad_left); ox <= last(x, g.pad_left, g.out_width); ++ox) {
      const Window w = window_of(p, oy, ox);
      const int from = ((sample * g.out_height + oy) * g.out_width + ox) * g.out + static_cast<int>(channel);
      if (p.maximum) {
        const int position = (y - w.top) * (w.right - w.left) + x - w.left;
        if (p.positions.of(network)[from] == position) sum = sum + gradient[from];
      } else {
        const float share = 1.0f / static_cast<float>((w.bottom - w.top) * (w.right - w.left));
        sum = sum + gradient[from] * share;
      }
    }
  }
  const float below = p.activation == Activation::kLinear ? 0.0f : p.input.of(network)[to];
  p.input_gradient.of(network)[to] = activation_gradient(p.activation, below, sum);
}

__global__ void __launch_bounds__(kThreads) dropout_kernel(Dropout d) {
  const std::uint32_t network = blockIdx.y;
  const Progress& p = d.progress;
  if (left_out(p.active, network)) return;
  const std::uint32_t block = blockIdx.x * kThreads + threadIdx.x;
  std::uint32_t within = block;
  const std::uint32_t sample = d.by_blocks.divide(within);
  if (sample >= d.samples) return;
  const NetworkStatus& status = p.status[network];
  const std::uint64_t probe = p.store != 0 ? 0 : (std::uint64_t{p.step[network]} + 1) << 48;
  const PhiloxBlock words =
      random_block(status.seed, ganno::Stream::kDropout, block, ((status.steps << 8) | probe) + d.position);
  for (std::uint32_t i = 0; i < 4 && 4 * within + i < d.values; ++i) {
    const std::uint32_t at = sample * d.values + 4 * within + i;
    const float value = d.from.of(network)[at] * (words[i] < d.threshold ? 0.0f : d.scale);
    d.to.of(network)[at] =
        d.activation == Activation::kLinear ? value : activation_gradient(d.activation, d.below.of(network)[at], value);
  }
}

__global__ void __launch_bounds__(kThreads) bias_rows_kernel(BiasGradient b) {
  const std::uint32_t network = blockIdx.y;
  if (left_out(b.active, network)) return;
  const std::uint32_t to = blockIdx.x * kThreads + threadIdx.x;
  std::uint32_t column = to;
  const std::uint32_t group = b.by_columns.divide(column);
  if (group >= b.groups) return;
  const std::uint32_t first = group * b.length * b.columns + column;
  const float* gradient = b.gradient.of(network) + first;
  const std::uint8_t* positions = b.positions.data == nullptr ? nullptr : b.positions.of(network) + first;
  float sum = 0;
#pragma unroll 4
  for (std::uint32_t i = 0; i < b.length; ++i) {
    const float value = gradient[i * b.columns];
    sum = sum + (positions != nullptr && positions[i * b.columns] >= 4 ? 0.0f : value);
  }
  (b.groups == 1 ? b.out : b.partial).of(network)[to] = sum;
}

__global__ void __launch_bounds__(kThreads) fold_parts_kernel(FoldParts f) {
  const std::uint32_t network = blockIdx.y;
  if (left_out(f.active, network)) return;
  const std::uint32_t i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= f.size) return;
  const float* parts = f.parts.of(network) + i;
  float sum = 0;
#pragma unroll 8
  for (std::uint32_t part = 0; part < f.count; ++part) sum = sum + parts[part * f.stride];
  f.out.of(network)[i] = sum;
}

}  // namespace

void launch_softmax_loss(const Stream& stream, std::uint32_t networks, const SoftmaxLoss& loss) {
  launch_checked(stream, {blocks_for(loss.samples, kThreads / kLanes), networks}, kThreads, softmax_loss_kernel, loss);
}

void launch_pool(const Stream& stream, std::uint32_t networks, const Pooling& pooling) {
  const Geometry& g = pooling.geometry;
  const auto outputs = static_cast<std::uint64_t>(g.samples) * static_cast<std::uint64_t>(g.out_pixels() * g.out);
  launch_checked(stream, {blocks_for(outputs, kThreads), networks}, kThreads, pool_kernel, pooling);
}

void launch_pool_gradient(const Stream& stream, std::uint32_t networks, const Pooling& pooling) {
  const Geometry& g = pooling.geometry;
  const auto inputs = static_cast<std::uint64_t>(g.samples) * static_cast<std::uint64_t>(g.in_pixels() * g.in);
  launch_checked(stream, {blocks_for(inputs, kThreads), networks}, kThreads, pool_gradient_kernel, pooling);
}

void launch_dropout(const Stream& stream, std::uint32_t networks, const Dropout& dropout) {
  const std::uint64_t blocks = std::uint64_t{dropout.samples} * dropout.by_blocks.divisor;
  launch_checked(stream, {blocks_for(blocks, kThreads), networks}, kThreads, dropout_kernel, dropout);
}

void launch_bias_gradient(const Stream& stream, std::uint32_t networks, const BiasGradient& bias) {
  launch_checked(stream, {blocks_for(std::uint64_t{bias.groups} * bias.columns, kThreads), networks}, kThreads,
                 bias_rows_kernel, bias);
  if (bias.groups == 1) return;
  launch_fold_parts(
      stream, networks,
      {bias.active, {bias.partial.data, bias.partial.stride}, bias.out, bias.columns, bias.groups, bias.columns});
}

void launch_fold_parts(const Stream& stream, std::uint32_t networks, const FoldParts& fold) {
  launch_checked(stream, {blocks_for(fold.size, kThreads), networks}, kThreads, fold_parts_kernel, fold);
}

}  // namespace ganno::cuda

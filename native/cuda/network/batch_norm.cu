// Kernels of batch_norm.h. Within a sample a block sums 16 channels, 8 rows of pixels at a time: a thread follows one
// row's chain, and the rows are added from the top.
#include "cuda/network/batch_norm.h"

#include "cuda/network/activation.cuh"
#include "cuda/network/grid.h"

namespace ganno::cuda {

namespace {

constexpr unsigned kThreads = 128, kChannels = 16, kRows = kThreads / kChannels;

__device__ bool left_out(const std::uint32_t* active, std::uint32_t network) {
  return active != nullptr && active[network] == 0;
}

/// What a block of the sums works on.
struct Part {
  std::uint32_t sample, channel, row;
  bool exists;
};

__device__ __forceinline__ Part part_of(const BatchNorm& b) {
  std::uint32_t tile = blockIdx.x;
  const std::uint32_t sample = b.by_tiles.divide(tile);
  const std::uint32_t channel = tile * kChannels + threadIdx.x % kChannels;
  return {sample, channel, threadIdx.x / kChannels, channel < b.channels};
}

/// Where a pixel of the part's channel lies, from the start of the batch.
__device__ __forceinline__ std::uint32_t place_of(const BatchNorm& b, const Part& part, std::uint32_t row,
                                                  std::uint32_t pixel) {
  return ((part.sample * b.rows + row) * b.pixels + pixel) * b.channels + part.channel;
}

/// kSums sums over a sample's channel, known to all its threads: term(place, sums) adds a pixel to those of its row.
template <int kSums, class Term>
__device__ __forceinline__ void fold_rows(const BatchNorm& b, const Part& part, SharedPointer<float> shared,
                                          float (&totals)[kSums], Term term) {
  for (int s = 0; s < kSums; ++s) totals[s] = 0;
  for (std::uint32_t first = 0; first < b.rows; first += kRows) {
    const std::uint32_t row = first + part.row;
    float sums[kSums] = {};
    if (part.exists && row < b.rows) {
      for (std::uint32_t pixel = 0; pixel < b.pixels; ++pixel) term(place_of(b, part, row, pixel), sums);
    }
    for (int s = 0; s < kSums; ++s) shared[s * static_cast<int>(kThreads) + static_cast<int>(threadIdx.x)] = sums[s];
    __syncthreads();
    for (std::uint32_t r = 0; r < kRows && first + r < b.rows; ++r) {
      for (int s = 0; s < kSums; ++s) {
        const float sum =
            shared[s * static_cast<int>(kThreads) + static_cast<int>(r * kChannels + threadIdx.x % kChannels)];
        totals[s] = totals[s] + sum;
      }
    }
    __syncthreads();
  }
}

__global__ void __launch_bounds__(kThreads) channel_moments_kernel(BatchNorm b) {
  const std::uint32_t network = blockIdx.y;
  if (left_out(b.active, network)) return;
  GANNO_SHARED(float, shared, kThreads);
  const Part part = part_of(b);
  const float* input = b.input.of(network);
  float total[1];
  fold_rows(b, part, shared, total, [&](std::uint32_t at, float(&sums)[1]) { sums[0] = sums[0] + input[at]; });
  const float mean = total[0] * (1.0f / static_cast<float>(b.rows * b.pixels));
  fold_rows(b, part, shared, total, [&](std::uint32_t at, float(&sums)[1]) {
    const float deviation = input[at] - mean;
    sums[0] = __fmaf_rn(deviation, deviation, sums[0]);
  });
  if (!part.exists || part.row != 0) return;
  float* out = b.sums.of(network) + 2 * part.sample * b.channels + part.channel;
  out[0] = mean;
  out[b.channels] = total[0];
}

__global__ void __launch_bounds__(kThreads) fold_moments_kernel(BatchNorm b) {
  const std::uint32_t network = blockIdx.y, c = blockIdx.x * kThreads + threadIdx.x;
  if (left_out(b.active, network) || c >= b.channels) return;
  const float* sums = b.sums.of(network) + c;
  const ChannelMoments moments = fold_moments(sums, sums + b.channels, 2 * b.channels, b.extent, b.epsilon);
  b.mean.of(network)[c] = moments.mean;
  b.inverse.of(network)[c] = moments.inverse_deviation;
  b.variance.of(network)[c] = moments.variance;
  b.factor.of(network)[c] = b.scale.of(network)[c] * moments.inverse_deviation;
}

__global__ void __launch_bounds__(kThreads) running_moments_kernel(BatchNorm b) {
  const std::uint32_t network = blockIdx.y, c = blockIdx.x * kThreads + threadIdx.x;
  if (c >= b.channels) return;
  b.mean.of(network)[c] = b.running_mean.of(network)[c];
  b.factor.of(network)[c] =
      b.scale.of(network)[c] * running_inverse_deviation(b.running_variance.of(network)[c], b.epsilon);
}

__global__ void __launch_bounds__(kThreads) normalize_kernel(BatchNorm b, std::uint32_t values) {
  const std::uint32_t network = blockIdx.y, i = blockIdx.x * kThreads + threadIdx.x;
  if (left_out(b.active, network) || i >= values) return;
  std::uint32_t c = i;
  b.by_channels.divide(c);
  float value =
      __fmaf_rn(b.input.of(network)[i] - b.mean.of(network)[c], b.factor.of(network)[c], b.shift.of(network)[c]);
  if (b.addend.data != nullptr) value = value + b.addend.of(network)[i];
  b.output.of(network)[i] = activate(b.activation, value);
}

__global__ void __launch_bounds__(kThreads) gradient_sums_kernel(BatchNorm b) {
  const std::uint32_t network = blockIdx.y;
  if (left_out(b.active, network)) return;
  GANNO_SHARED(float, shared, 2 * kThreads);
  const Part part = part_of(b);
  const float* input = b.input.of(network);
  const float* output = b.output.of(network);
  float* gradient = b.gradient.of(network);
  const float mean = part.exists ? b.mean.of(network)[part.channel] : 0.0f;
  float totals[2];
  fold_rows(b, part, shared, totals, [&](std::uint32_t at, float(&sums)[2]) {
    float g = gradient[at];
    if (b.activation != Activation::kLinear) {
      g = activation_gradient(b.activation, output[at], g);
      gradient[at] = g;
    }
    sums[0] = sums[0] + g;
    sums[1] = __fmaf_rn(input[at] - mean, g, sums[1]);
  });
  if (!part.exists || part.row != 0) return;
  float* out = b.sums.of(network) + 2 * part.sample * b.channels + part.channel;
  out[0] = totals[0];
  out[b.channels] = totals[1];
}

__global__ void __launch_bounds__(kThreads) fold_gradient_kernel(BatchNorm b) {
  const std::uint32_t network = blockIdx.y, c = blockIdx.x * kThreads + threadIdx.x;
  if (left_out(b.active, network) || c >= b.channels) return;
  const float* sums = b.sums.of(network) + c;
  const ChannelGradient folded =
      fold_gradient(sums, sums + b.channels, 2 * b.channels, b.extent, b.inverse.of(network)[c]);
  b.shift_gradient.of(network)[c] = folded.shift;
  b.scale_gradient.of(network)[c] = folded.scale;
  b.mean_gradient.of(network)[c] = folded.mean_gradient;
  b.slope.of(network)[c] = folded.slope;
}

__global__ void __launch_bounds__(kThreads) input_gradient_kernel(BatchNorm b, std::uint32_t values) {
  const std::uint32_t network = blockIdx.y, i = blockIdx.x * kThreads + threadIdx.x;
  if (left_out(b.active, network) || i >= values) return;
  std::uint32_t c = i;
  b.by_channels.divide(c);
  const float deviation = b.input.of(network)[i] - b.mean.of(network)[c];
  const float centred = b.gradient.of(network)[i] - b.mean_gradient.of(network)[c];
  b.input_gradient.of(network)[i] = b.factor.of(network)[c] * __fmaf_rn(-deviation, b.slope.of(network)[c], centred);
}

__device__ bool finite(float x) {
  return x - x == 0;
}

__global__ void __launch_bounds__(kThreads) update_running_kernel(BatchNorm b, Progress progress) {
  const std::uint32_t network = blockIdx.y, c = blockIdx.x * kThreads + threadIdx.x;
  if (progress.store == 0 || progress.active[network] == 0 || c >= b.channels) return;
  float& mean = b.running_mean.of(network)[c];
  float& variance = b.running_variance.of(network)[c];
  mean = updated_running(mean, b.mean.of(network)[c], b.momentum);
  variance = updated_running(variance, b.variance.of(network)[c], b.momentum);
  if (!finite(mean) || !finite(variance)) progress.status[network].diverged = 1;  // all that write write the same
}

__global__ void __launch_bounds__(kThreads) add_images_kernel(AddImages a) {
  const std::uint32_t network = blockIdx.y, i = blockIdx.x * kThreads + threadIdx.x;
  if (left_out(a.active, network) || i >= a.values) return;
  a.output.of(network)[i] = activate(a.activation, a.a.of(network)[i] + a.b.of(network)[i]);
}

__global__ void __launch_bounds__(kThreads) through_activation_kernel(ThroughActivation t) {
  const std::uint32_t network = blockIdx.y, i = blockIdx.x * kThreads + threadIdx.x;
  if (left_out(t.active, network) || i >= t.values) return;
  float value = t.gradient.of(network)[i];
  if (t.activation != Activation::kLinear) {
    value = activation_gradient(t.activation, t.output.of(network)[i], value);
    t.gradient.of(network)[i] = value;
  }
  if (t.copy.data == nullptr) return;
  const float below = t.below == Activation::kLinear ? 0.0f : t.below_output.of(network)[i];
  t.copy.of(network)[i] = activation_gradient(t.below, below, value);
}

__global__ void __launch_bounds__(kThreads) fill_kernel(PerNetwork<float> values, std::uint32_t size, float value) {
  const std::uint32_t i = blockIdx.x * kThreads + threadIdx.x;
  if (i < size) values.of(blockIdx.y)[i] = value;
}

std::uint64_t values_of(const BatchNorm& norm) {
  return std::uint64_t{norm.samples} * norm.rows * norm.pixels * norm.channels;
}

BatchNorm divided(BatchNorm norm) {
  norm.extent = BatchExtent(norm.samples, std::int64_t{norm.rows} * norm.pixels);
  norm.by_tiles = Divider(blocks_for(norm.channels, kChannels));
  norm.by_channels = Divider(norm.channels);
  return norm;
}

/// Blocks of the kernels that sum within samples.
unsigned sample_blocks(const BatchNorm& norm) {
  return norm.samples * norm.by_tiles.divisor;
}

}  // namespace

void launch_batch_moments(const Stream& stream, std::uint32_t networks, const BatchNorm& norm) {
  const BatchNorm b = divided(norm);
  launch_checked(stream, {sample_blocks(b), networks}, kThreads, channel_moments_kernel, b);
  launch_checked(stream, {blocks_for(b.channels, kThreads), networks}, kThreads, fold_moments_kernel, b);
}

void launch_running_moments(const Stream& stream, std::uint32_t networks, const BatchNorm& norm) {
  launch_checked(stream, {blocks_for(norm.channels, kThreads), networks}, kThreads, running_moments_kernel, norm);
}

void launch_normalize(const Stream& stream, std::uint32_t networks, const BatchNorm& norm) {
  const BatchNorm b = divided(norm);
  const std::uint64_t values = values_of(b);
  launch_checked(stream, {blocks_for(values, kThreads), networks}, kThreads, normalize_kernel, b,
                 static_cast<std::uint32_t>(values));
}

void launch_normalize_gradient(const Stream& stream, std::uint32_t networks, const BatchNorm& norm) {
  const BatchNorm b = divided(norm);
  launch_checked(stream, {sample_blocks(b), networks}, kThreads, gradient_sums_kernel, b);
  launch_checked(stream, {blocks_for(b.channels, kThreads), networks}, kThreads, fold_gradient_kernel, b);
  const std::uint64_t values = values_of(b);
  launch_checked(stream, {blocks_for(values, kThreads), networks}, kThreads, input_gradient_kernel, b,
                 static_cast<std::uint32_t>(values));
}

void launch_update_running(const Stream& stream, std::uint32_t networks, const BatchNorm& norm,
                           const Progress& progress) {
  launch_checked(stream, {blocks_for(norm.channels, kThreads), networks}, kThreads, update_running_kernel, norm,
                 progress);
}

void launch_add_images(const Stream& stream, std::uint32_t networks, const AddImages& add) {
  launch_checked(stream, {blocks_for(add.values, kThreads), networks}, kThreads, add_images_kernel, add);
}

void launch_through_activation(const Stream& stream, std::uint32_t networks, const ThroughActivation& through) {
  launch_checked(stream, {blocks_for(through.values, kThreads), networks}, kThreads, through_activation_kernel,
                 through);
}

void launch_fill(const Stream& stream, std::uint32_t networks, PerNetwork<float> values, std::uint32_t size,
                 float value) {
  launch_checked(stream, {blocks_for(size, kThreads), networks}, kThreads, fill_kernel, values, size, value);
}

}  // namespace ganno::cuda

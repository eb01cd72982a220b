// Kernels of state.h. Small ones: a thread for each image, weight or network.
#include "cuda/network/state.h"

#include "core/permutation.h"
#include "cuda/network/grid.h"

namespace ganno::cuda {

namespace {

constexpr unsigned kThreads = 128;

__global__ void __launch_bounds__(kThreads)
    initialize_kernel(const NetworkStatus* status, InitialLayer layer, PerNetwork<float> parameters) {
  const std::uint32_t block = blockIdx.x * kThreads + threadIdx.x;
  if (4 * block >= layer.size) return;
  const InitialWeights four = initial_weights(layer.spread, status[blockIdx.y].seed, layer.layer, block);
  float* to = parameters.of(blockIdx.y) + layer.weights + 4 * block;
  for (std::uint32_t i = 0; i < 4 && 4 * block + i < layer.size; ++i) to[i] = four.values[i];
}

__global__ void __launch_bounds__(kThreads)
    reset_status_kernel(std::uint32_t networks, const std::uint32_t* seeds, NetworkStatus* status) {
  const std::uint32_t network = blockIdx.x * kThreads + threadIdx.x;
  if (network < networks) status[network] = {0, seeds[network], 0, 0, 0};
}

__device__ std::uint32_t image_of(const BatchSelection& s, std::uint32_t seed, std::uint32_t position) {
  if (s.slice_size == s.train_size) return s.train[position];
  return s.train[Permutation(seed, ganno::Stream::kSlice, 0, s.train_size)(position)];
}

__global__ void __launch_bounds__(kThreads) select_batch_kernel(BatchSelection s) {
  const std::uint32_t network = blockIdx.y, i = blockIdx.x * kThreads + threadIdx.x;
  if (i >= s.batch) return;
  const NetworkStatus& status = s.progress.status[network];
  const bool store = s.progress.store != 0;
  if (i == 0) s.progress.active[network] = status.diverged == 0 ? 1 : 0;
  // The ragged tail of an epoch is dropped: every batch has the same size and no image comes twice in an epoch. A probe
  // draws its batches from an order of its own, which depends on how far the network is.
  const std::uint64_t batches = s.slice_size / s.batch;
  const std::uint64_t number = store ? status.steps : s.progress.step[network];
  const std::uint64_t epoch = store ? number / batches : status.steps;
  const Permutation order(status.seed, store ? ganno::Stream::kBatchOrder : ganno::Stream::kProbe, epoch, s.slice_size);
  const auto first = static_cast<std::uint32_t>(number % batches * s.batch);
  s.images.of(network)[i] = image_of(s, status.seed, order(first + i));
}

__global__ void __launch_bounds__(kThreads)
    select_slice_kernel(BatchSelection s, std::uint32_t first, std::uint32_t count) {
  const std::uint32_t network = blockIdx.y, i = blockIdx.x * kThreads + threadIdx.x;
  if (i < count) s.images.of(network)[i] = image_of(s, s.progress.status[network].seed, first + i);
}

__global__ void __launch_bounds__(kThreads) gather_kernel(Gather g) {
  const std::uint32_t network = blockIdx.y;
  if (g.active != nullptr && g.active[network] == 0) return;
  const std::uint32_t values = g.by_values.divisor;
  const std::uint32_t first = 4 * (blockIdx.x * kThreads + threadIdx.x);
  const std::uint32_t* numbers = g.numbers.of(network);
  float* out = g.out.of(network);
  for (std::uint32_t i = first; i < first + 4 && i < g.samples * values; ++i) {
    std::uint32_t value = i;
    const std::uint32_t sample = g.by_values.divide(value);
    std::uint32_t channel = value;
    g.by_channels.divide(channel);
    const std::uint8_t byte = g.images[static_cast<std::uint64_t>(numbers[sample]) * values + value];
    out[i] = __fmaf_rn(static_cast<float>(byte), g.scale[channel], g.shift[channel]);
  }
}

/// Sum over a warp of 32, in a fixed order; the first lane's result counts.
__device__ double warp_sum(double value) {
  for (unsigned distance = 16; distance > 0; distance /= 2) value += __shfl_down_sync(0xffffffffu, value, distance);
  return value;
}

constexpr unsigned kWarp = 32;

__global__ void __launch_bounds__(kWarp) add_score_kernel(BatchScore b) {
  const std::uint32_t network = blockIdx.x;
  const float* losses = b.losses.of(network);
  const std::uint32_t* correct = b.correct.of(network);
  double loss = 0, right = 0, change = 0, change_squared = 0;
  for (std::uint32_t i = threadIdx.x; i < b.samples; i += kWarp) {
    loss += static_cast<double>(losses[i]);
    right += correct[i];
  }
  if (b.last_logits.data != nullptr) {
    const float* logits = b.logits.of(network);
    float* last = b.last_logits.of(network);
    for (std::uint32_t i = threadIdx.x; i < b.samples * b.classes; i += kWarp) {
      const double difference = static_cast<double>(logits[i]) - static_cast<double>(last[i]);
      change += difference;
      change_squared += difference * difference;
      last[i] = logits[i];
    }
  }
  loss = warp_sum(loss);
  right = warp_sum(right);
  change = warp_sum(change);
  change_squared = warp_sum(change_squared);
  if (threadIdx.x != 0) return;
  Score& score = b.scores[network];
  score.loss += loss;
  score.correct += static_cast<std::uint64_t>(right);
  score.change += change;
  score.change_squared += change_squared;
}

__device__ bool finite(double x) {
  return x - x == 0;
}

__global__ void __launch_bounds__(kWarp) training_loss_kernel(BatchScore b) {
  const std::uint32_t network = blockIdx.x;
  const Progress& p = b.progress;
  const bool active = p.active[network] != 0;
  const float* losses = b.losses.of(network);
  double loss = 0;
  if (active) {
    for (std::uint32_t i = threadIdx.x; i < b.samples; i += kWarp) loss += static_cast<double>(losses[i]);
  }
  loss = warp_sum(loss) / b.samples;
  if (threadIdx.x != 0) return;
  const bool counts = active && finite(loss);
  const std::uint32_t step = p.step[network] - *p.begin;
  b.training_loss[static_cast<std::uint64_t>(network) * b.part_steps + step] =
      counts ? static_cast<float>(loss) : kDivergedLoss;
  if (active && !counts) {
    p.active[network] = 0;
    if (p.store != 0) p.status[network].diverged = 1;
  }
}

__global__ void __launch_bounds__(kThreads)
    finish_score_kernel(std::uint32_t networks, NetworkStatus* status, const Score* scores, std::uint32_t samples,
                        std::uint32_t classes, bool change, float* out) {
  const std::uint32_t network = blockIdx.x * kThreads + threadIdx.x;
  if (network >= networks) return;
  const Score& score = scores[network];
  const double loss = score.loss / samples;
  const bool good = finite(loss) && status[network].diverged == 0;
  float* to = out + network * (change ? 3u : 2u);
  to[0] = good ? static_cast<float>(loss) : kDivergedLoss;
  to[1] = good ? static_cast<float>(score.correct) / static_cast<float>(samples) : 0.0f;
  if (!change) return;
  const double values = static_cast<double>(samples) * classes;
  const double mean = score.change / values;
  const double spread = score.change_squared / values - mean * mean;
  const double variance = spread > 0 ? spread : 0;
  // It may leave float32's range where the loss does not.
  to[2] = good && status[network].has_logits != 0 && variance <= 3.4028234663852886e38 ? static_cast<float>(variance)
                                                                                       : 0.0f;
  status[network].has_logits = good ? 1 : 0;
}

}  // namespace

void launch_initialize(const Stream& stream, std::uint32_t networks, const NetworkStatus* status,
                       const InitialLayer& layer, PerNetwork<float> parameters) {
  launch_checked(stream, {blocks_for((layer.size + 3) / 4, kThreads), networks}, kThreads, initialize_kernel, status,
                 layer, parameters);
}

void launch_reset_status(const Stream& stream, std::uint32_t networks, const std::uint32_t* seeds,
                         NetworkStatus* status) {
  launch_checked(stream, blocks_for(networks, kThreads), kThreads, reset_status_kernel, networks, seeds, status);
}

void launch_select_batch(const Stream& stream, std::uint32_t networks, const BatchSelection& selection) {
  launch_checked(stream, {blocks_for(selection.batch, kThreads), networks}, kThreads, select_batch_kernel, selection);
}

void launch_select_slice(const Stream& stream, std::uint32_t networks, const BatchSelection& selection,
                         std::uint32_t first, std::uint32_t count) {
  launch_checked(stream, {blocks_for(count, kThreads), networks}, kThreads, select_slice_kernel, selection, first,
                 count);
}

void launch_gather(const Stream& stream, std::uint32_t networks, const Gather& gather) {
  launch_checked(stream, {blocks_for((gather.samples * gather.by_values.divisor + 3) / 4, kThreads), networks},
                 kThreads, gather_kernel, gather);
}

void launch_add_score(const Stream& stream, std::uint32_t networks, const BatchScore& batch) {
  launch_checked(stream, networks, kWarp, add_score_kernel, batch);
}

void launch_training_loss(const Stream& stream, std::uint32_t networks, const BatchScore& batch) {
  launch_checked(stream, networks, kWarp, training_loss_kernel, batch);
}

void launch_finish_score(const Stream& stream, std::uint32_t networks, NetworkStatus* status, const Score* scores,
                         std::uint32_t samples, std::uint32_t classes, bool change, float* out) {
  launch_checked(stream, blocks_for(networks, kThreads), kThreads, finish_score_kernel, networks, status, scores,
                 samples, classes, change, out);
}

}  // namespace ganno::cuda

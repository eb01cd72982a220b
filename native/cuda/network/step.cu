// Around the fused step: what each layer's step is made with, and what becomes of its statistics.
#include "cuda/network/step.h"

#include <algorithm>
#include <vector>

#include "core/step_scalars.h"
#include "cuda/network/grid.h"
#include "cuda/step/step_kernels.h"

namespace ganno::cuda {

namespace {

constexpr unsigned kThreads = 128;

/// What a wave's step needs besides the fused step's own arguments. Controls and intervals begin at the wave's first
/// network.
struct WaveStep {
  Progress progress;
  std::uint32_t networks, layers;
  const float* learning_rates;
  const double* weight_decays;
  const double* momenta;
  const float* schedule;
  float* applied;
  PreparedCohort* prepared;
  const float* statistics;
  const LayerSums* sums;
  LayerInterval* intervals;
  const std::uint64_t* sizes;  // [layers] elements
};

__global__ void __launch_bounds__(kThreads)
    prepare_networks_kernel(WaveStep w, Algorithm algorithm, Hyperparameters hyperparameters) {
  const std::uint32_t cell = blockIdx.x * kThreads + threadIdx.x;
  if (cell >= w.networks * w.layers) return;
  const std::uint32_t network = cell / w.layers;
  const bool active = w.progress.active[network] != 0;
  const float learning_rate = w.learning_rates[cell] * w.schedule[w.progress.step[network] - *w.progress.begin];
  PreparedCohort made{
      rules::step_scalars(algorithm, hyperparameters,
                          rules::bias_corrections(hyperparameters, w.progress.status[network].steps + 1),
                          static_cast<double>(learning_rate), w.weight_decays[cell], w.momenta[cell], 1.0f),
      active ? 0u : 1u};
  made.scalars.store = active && w.progress.store != 0;
  w.prepared[cell] = made;
  w.applied[cell] = learning_rate;
}

/// A block for each network, a thread for each layer.
__global__ void __launch_bounds__(kThreads) finish_step_kernel(WaveStep w) {
  const std::uint32_t network = blockIdx.x;
  const bool active = w.progress.active[network] != 0;
  const bool store = active && w.progress.store != 0;
  int broken = 0;
  for (std::uint32_t layer = threadIdx.x; active && layer < w.layers; layer += kThreads) {
    const std::uint32_t cell = network * w.layers + layer;
    float step[kStepStatisticCount];
    for (std::uint32_t i = 0; i < kStepStatisticCount; ++i) step[i] = w.statistics[cell * kStepStatisticCount + i];
    w.intervals[cell].add(step, w.applied[cell]);
    // A parameter that is not finite was left out of the sums.
    if (w.sums[cell].parameter.count < static_cast<double>(w.sizes[layer])) broken = 1;
  }
  broken = __syncthreads_or(broken);
  if (threadIdx.x != 0) return;
  NetworkStatus& status = w.progress.status[network];
  if (store && broken != 0) status.diverged = 1;
  if (store) ++status.steps;
  ++w.progress.step[network];
}

__global__ void __launch_bounds__(kThreads)
    write_statistics_kernel(std::uint32_t cells, const LayerInterval* intervals, float* out) {
  const std::uint32_t cell = blockIdx.x * kThreads + threadIdx.x;
  if (cell < cells) intervals[cell].write(out + std::uint64_t{cell} * kPopulationStatisticCount);
}

__global__ void __launch_bounds__(kThreads) clear_intervals_kernel(std::uint32_t cells, LayerInterval* intervals) {
  const std::uint32_t cell = blockIdx.x * kThreads + threadIdx.x;
  if (cell < cells) intervals[cell] = LayerInterval();
}

/// The arrays of a wave's networks, as one arena: those of a network lie where its table says, and the next network's
/// behind them.
HostTables wave_tables(const LayerTable& table, std::uint32_t networks) {
  std::vector<std::uint64_t> sizes;
  std::vector<std::uint32_t> arrays_per_layer;
  for (std::uint32_t network = 0; network < networks; ++network) {
    for (const ArrayExtent& array : table.arrays()) sizes.push_back(array.size);
    for (const auto& layer : table.layers()) arrays_per_layer.push_back(layer.array_count);
  }
  int device = 0;
  check(cudaGetDevice(&device), "Asking for the current device");
  return make_tables(sizes, arrays_per_layer, multiprocessor_count(device));
}

}  // namespace

StepRunner::StepRunner(const Plan& plan, const PopulationOptions& options, std::uint32_t wave_networks, float* arenas,
                       const float* gradients, std::uint32_t part_steps, const Stream& stream)
    : networks_(options.networks),
      layers_(plan.shape.table.layers().size()),
      hyperparameters_(options.hyperparameters),
      arena_floats_(plan.arena_floats()),
      tables_(wave_tables(plan.shape.table, wave_networks), {}, false, stream),
      arguments_(tables_.arguments()),
      items_of_network_(arguments_.item_count / wave_networks),
      prepared_(wave_networks * layers_),
      layer_sizes_(layers_),
      learning_rates_(networks_ * layers_),
      weight_decays_(networks_ * layers_),
      momenta_(networks_ * layers_),
      schedule_(part_steps),
      applied_(wave_networks * layers_),
      intervals_(networks_ * layers_),
      statistics_(networks_ * layers_ * kPopulationStatisticCount),
      host_learning_rates_(learning_rates_.size()),
      host_schedule_(schedule_.size()),
      host_statistics_(statistics_.size()),
      host_weight_decays_(weight_decays_.size()),
      host_momenta_(momenta_.size()) {
  const int moments = moment_count(options.algorithm);
  const std::int64_t arena = arena_floats_ * static_cast<std::int64_t>(networks_);
  arguments_.parameters = arenas;
  arguments_.gradients = gradients;
  arguments_.moment1 = moments > 0 ? arenas + arena : nullptr;
  arguments_.moment2 = moments > 1 ? arenas + 2 * arena : nullptr;
  arguments_.prepared = prepared_.data();
  arguments_.algorithm = options.algorithm;
  arguments_.hyperparameters = options.hyperparameters;
  arguments_.policy = NonFinitePolicy::kSkipElement;
  std::vector<std::uint64_t> sizes;
  for (const auto& layer : plan.shape.table.layers()) sizes.push_back(layer.size);
  layer_sizes_.upload(sizes, stream);
  stream.synchronize();  // what was uploaded ends here
}

void StepRunner::upload_controls(const Controls& controls, const Stream& stream) {
  const std::size_t cells = networks_ * layers_;
  std::copy_n(controls.learning_rates, cells, host_learning_rates_.data());
  learning_rates_.upload(host_learning_rates_.span(), stream);
  const auto upload = [&](const DeviceBuffer<double>& target, const PinnedBuffer<double>& host, const float* values,
                          double otherwise) {
    if (values != nullptr) {
      std::copy_n(values, cells, host.data());
    } else {
      std::fill_n(host.data(), cells, otherwise);
    }
    target.upload(host.span(), stream);
  };
  upload(weight_decays_, host_weight_decays_, controls.weight_decays, hyperparameters_.weight_decay);
  upload(momenta_, host_momenta_, controls.momenta, hyperparameters_.momentum);
}

void StepRunner::upload_schedule(const float* factors, std::uint32_t steps, const Stream& stream) {
  if (factors == nullptr) {
    std::fill_n(host_schedule_.data(), steps, 1.0f);
  } else {
    std::copy_n(factors, steps, host_schedule_.data());
  }
  schedule_.upload(host_schedule_.span().first(steps), stream);
}

void StepRunner::clear(const Stream& stream) {
  const auto cells = static_cast<std::uint32_t>(networks_ * layers_);
  launch_checked(stream, blocks_for(cells, kThreads), kThreads, clear_intervals_kernel, cells, intervals_.data());
}

void StepRunner::launch(const Stream& stream, std::uint32_t first, std::uint32_t networks,
                        const Progress& progress) const {
  const std::size_t cell = first * layers_;
  const WaveStep wave{progress,
                      networks,
                      static_cast<std::uint32_t>(layers_),
                      learning_rates_.data() + cell,
                      weight_decays_.data() + cell,
                      momenta_.data() + cell,
                      schedule_.data(),
                      applied_.data(),
                      prepared_.data(),
                      tables_.statistics.data(),
                      arguments_.layer_sums,
                      intervals_.data() + cell,
                      layer_sizes_.data()};
  launch_checked(stream, blocks_for(networks * layers_, kThreads), kThreads, prepare_networks_kernel, wave,
                 arguments_.algorithm, hyperparameters_);
  StepArguments arguments = arguments_;
  const std::int64_t offset = first * arena_floats_;
  arguments.parameters += offset;
  if (arguments.moment1 != nullptr) arguments.moment1 += offset;
  if (arguments.moment2 != nullptr) arguments.moment2 += offset;
  arguments.item_count = items_of_network_ * networks;
  arguments.layer_count = static_cast<std::uint32_t>(networks * layers_);
  arguments.store = progress.store != 0;
  check(step_launches(arguments).step(arguments, true, stream.get()), "Launching the optimiser step");
  launch_checked(stream, networks, kThreads, finish_step_kernel, wave);
}

void StepRunner::queue_statistics(const Stream& stream) const {
  const auto cells = static_cast<std::uint32_t>(networks_ * layers_);
  launch_checked(stream, blocks_for(cells, kThreads), kThreads, write_statistics_kernel, cells, intervals_.data(),
                 statistics_.data());
  statistics_.download(host_statistics_.span(), stream);
}

void StepRunner::take_statistics(float* out) const {
  std::copy_n(host_statistics_.data(), host_statistics_.size(), out);
}

std::size_t StepRunner::bytes() const {
  return prepared_.bytes() + intervals_.bytes() + statistics_.bytes() + tables_.statistics.bytes();
}

}  // namespace ganno::cuda

#include "cuda/layerwise_step.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "core/step_cohorts.h"
#include "cuda/devices.h"
#include "cuda/event_timer.h"
#include "cuda/pinned_ring.h"
#include "cuda/staged_copy.h"
#include "cuda/step/step_tables.h"

namespace ganno::cuda {

namespace {

std::vector<std::uint64_t> sizes_of(std::span<const ArrayBinding> arrays) {
  std::vector<std::uint64_t> sizes;
  for (const ArrayBinding& array : arrays) sizes.push_back(array.size);
  return sizes;
}

std::vector<std::uint8_t> decays_of(std::span<const ArrayBinding> arrays) {
  std::vector<std::uint8_t> decays;
  for (const ArrayBinding& array : arrays) decays.push_back(array.decays);
  return decays;
}

/// Everything lies on the device of the options.
class CudaStep final : public LayerwiseStep {
 public:
  CudaStep(const LayerwiseOptions& options, std::span<const ArrayBinding> arrays,
           std::span<const std::uint32_t> arrays_per_layer, std::span<const std::uint8_t> adapt)
      : options_(options),
        host_(make_tables(sizes_of(arrays), arrays_per_layer, multiprocessor_count(*options.device))),
        clip_{options.clip_layer_norm, options.clip_global_norm},
        cohorts_(arrays_per_layer, decays_of(arrays)),
        tables_(host_, adapt, has_passes_before(options.algorithm, options.non_finite, clip_), stream_),
        controls_(tables_.controls.size()),
        staging_(host_.arena_size),
        array_count_(arrays.size()) {
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      const ArrayEntry& entry = host_.arrays[i];
      parameter_slices_.push_back({arrays[i].parameters, entry.offset, entry.size});
      // Only read; one type for both.
      gradient_slices_.push_back({const_cast<float*>(arrays[i].gradients), entry.offset, entry.size});
    }
    for (DeviceBuffer<float>* arena : {&parameters_, &gradients_, &moments_[0], &moments_[1]}) {
      if (arena == &moments_[0] && moment_count(options.algorithm) < 1) break;
      if (arena == &moments_[1] && moment_count(options.algorithm) < 2) break;
      *arena = DeviceBuffer<float>(host_.arena_size);
      arena->clear(stream_);
    }
    tables_.upload_cohorts(host_, cohorts_, options_.hyperparameters, stream_);
    if (options.resident) upload(true, true);
    stream_.synchronize();
  }

  std::size_t layer_count() const override { return host_.layers.size(); }
  std::size_t array_count() const override { return array_count_; }
  std::uint64_t bytes() const override {
    return host_.items.size() * sizeof(Item) + host_.pieces.size() * sizeof(PieceEntry) +
           array_count_ * 2 * sizeof(ArenaSlice);
  }

  void step(std::span<const double> controls, float inverse_scale, float* statistics, bool store) override {
    const DeviceScope scope(*options_.device);
    upload_controls(controls, inverse_scale);
    if (!options_.resident) upload(true, true);
    queue_step(arguments(store), statistics != nullptr, stream_);

    if (!options_.resident && store) download();
    if (statistics == nullptr) return;
    tables_.statistics.download({statistics, tables_.statistics.size()}, stream_);
    stream_.synchronize();
  }

  double timed_steps(std::span<const double> controls, float inverse_scale, bool with_statistics,
                     std::uint32_t count) override {
    const DeviceScope scope(*options_.device);
    upload_controls(controls, inverse_scale);
    EventTimer timer;
    timer.start(stream_);
    for (std::uint32_t i = 0; i < count; ++i) queue_step(arguments(true), with_statistics, stream_);
    timer.stop(stream_);
    return timer.seconds();
  }

  std::vector<std::uint64_t> steps() const override {
    const DeviceScope scope(*options_.device);
    std::vector<CohortState> states(cohorts_.all().size());
    tables_.state.download(states, stream_);
    stream_.synchronize();
    std::vector<std::uint64_t> steps;
    for (std::size_t i = 0; i < array_count_; ++i) steps.push_back(states[cohorts_.of_array(i)].steps);
    return steps;
  }

  void write_steps(std::span<const std::uint64_t> steps) override {
    const DeviceScope scope(*options_.device);
    cohorts_.regroup(steps);
    tables_.upload_cohorts(host_, cohorts_, options_.hyperparameters, stream_);
  }

  void read_moment(std::size_t array, int which, std::span<float> out) const override {
    const DeviceScope scope(*options_.device);
    copy(out.data(), moment(array, which, out.size()), out.size_bytes(), cudaMemcpyDeviceToHost, stream_);
    stream_.synchronize();
  }

  void write_moment(std::size_t array, int which, std::span<const float> values) override {
    const DeviceScope scope(*options_.device);
    copy(moment(array, which, values.size()), values.data(), values.size_bytes(), cudaMemcpyHostToDevice, stream_);
    stream_.synchronize();
  }

  void upload(bool parameters, bool gradients) override {
    const DeviceScope scope(*options_.device);
    if (parameters) staging_.upload(parameter_slices_, parameters_, stream_);
    if (gradients) staging_.upload(gradient_slices_, gradients_, stream_);
  }

  void download() override {
    const DeviceScope scope(*options_.device);
    staging_.download(parameter_slices_, parameters_, stream_);
  }

 private:
  void upload_controls(std::span<const double> controls, float inverse_scale) {
    controls_.upload(tables_.controls, stream_, [&](std::span<double> values) {
      std::ranges::copy(controls, values.begin());
      values.back() = inverse_scale;
    });
  }

  StepArguments arguments(bool store) const {
    StepArguments arguments = tables_.arguments();
    arguments.parameters = parameters_.data();
    arguments.gradients = gradients_.data();
    arguments.moment1 = moments_[0].data();
    arguments.moment2 = moments_[1].data();
    arguments.hyperparameters = options_.hyperparameters;
    arguments.clip = clip_;
    arguments.algorithm = options_.algorithm;
    arguments.policy = options_.non_finite;
    arguments.store = store;
    arguments.flush_denormals = options_.flush_denormals;
    return arguments;
  }

  float* moment(std::size_t array, int which, std::size_t size) const {
    if (array >= array_count_ || which < 0 || which >= moment_count(options_.algorithm) ||
        size != host_.arrays[array].size) {
      throw std::invalid_argument("there is no such array or moment");
    }
    return moments_[which].data() + host_.arrays[array].offset;
  }

  LayerwiseOptions options_;
  HostTables host_;
  ClipNorms clip_;
  Stream stream_;
  StepCohorts cohorts_;  // the device counts their steps
  StepTables tables_;
  PinnedRing<double> controls_;
  StagedCopy staging_;
  DeviceBuffer<float> parameters_;
  DeviceBuffer<float> gradients_;
  DeviceBuffer<float> moments_[2];
  std::vector<ArenaSlice> parameter_slices_;
  std::vector<ArenaSlice> gradient_slices_;
  std::size_t array_count_;
};

}  // namespace

std::unique_ptr<LayerwiseStep> make_layerwise_step(const LayerwiseOptions& options,
                                                   std::span<const ArrayBinding> arrays,
                                                   std::span<const std::uint32_t> arrays_per_layer,
                                                   std::span<const std::uint8_t> adapt) {
  require_device(options.device.value());
  const DeviceScope scope(*options.device);
  return std::make_unique<CudaStep>(options, arrays, arrays_per_layer, adapt);
}

}  // namespace ganno::cuda

#include "cuda/network/population.h"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "cuda/network/library_product.h"

namespace ganno::cuda {

namespace {

/// Networks a launch covers at most (the second dimension of a grid ends at 65,535).
constexpr std::uint32_t kMaximumWave = 32768;
/// Of the device's free memory, what a workspace may take: snapshots and other populations come later.
constexpr double kWorkspaceShare = 0.75;

template <typename Element>
DeviceBuffer<Element> uploaded(std::span<const Element> values, const Stream& stream) {
  DeviceBuffer<Element> buffer(std::max<std::size_t>(values.size(), 1));
  buffer.upload(values, stream);
  return buffer;
}

}  // namespace

Population::Population(PopulationOptions options, std::span<const std::uint32_t> seeds, int device)
    : options_(std::move(options)),
      device_(device),
      plan_(options_.input, options_.layers, maximum_batch()),
      stream_([&] {
        const DeviceScope scope(device);
        return Stream();
      }()),
      saved_(options_.networks) {
  on_device([&] {
    allocate();
    upload_dataset();
    open_cublas();
    allocate_wave();  // last: it takes of what is left
    pass_ = std::make_unique<Pass>(
        plan_, PassMemory{workspace_.data(), gradients_.data(), arenas_.data(), running_.data(), images_->data(),
                          labels_->data(), scale_.data(), shift_.data(), options_.precision, cublas_.get()});
    stepper_ = std::make_unique<StepRunner>(plan_, options_, wave_networks_, arenas_.data(), gradients_.data(),
                                            kPartSteps, stream_);
  });
  reset(seeds);
}

Population::~Population() {
  // What is queued may still read the caller's memory. Nothing can be done about an error here.
  try {
    const DeviceScope scope(device_);
    stream_.synchronize();
  } catch (...) {
  }
}

std::size_t Population::logits_floats() const {
  return static_cast<std::size_t>(options_.validation_size) * static_cast<std::size_t>(plan_.shape.classes());
}

void Population::allocate() {
  const std::size_t networks = options_.networks;
  const auto arena = static_cast<std::size_t>(plan_.arena_floats());
  arenas_ = DeviceBuffer<float>(arenas() * networks * arena);
  running_ = DeviceBuffer<float>(std::max<std::size_t>(1, networks * running_values()));
  logits_ = DeviceBuffer<float>(networks * logits_floats());
  status_ = DeviceBuffer<NetworkStatus>(networks);
  seeds_ = DeviceBuffer<std::uint32_t>(networks);
  step_ = DeviceBuffer<std::uint32_t>(networks);
  begin_ = DeviceBuffer<std::uint32_t>(1);
  logits_.clear(stream_);
}

void Population::allocate_wave() {
  wave_networks_ = networks_that_fit();
  for (;;) {
    try {
      workspace_ = DeviceBuffer<float>(wave_networks_ * static_cast<std::size_t>(plan_.workspace_floats));
      gradients_ = DeviceBuffer<float>(wave_networks_ * static_cast<std::size_t>(plan_.arena_floats()));
      break;
    } catch (const CodedError& error) {
      // Another worker may have taken what was free: be content with less.
      workspace_ = {};
      if (wave_networks_ == 1 || std::string_view(error.code()) != "OUT_OF_MEMORY") throw;
      wave_networks_ = (wave_networks_ + 1) / 2;
    }
  }
  active_ = DeviceBuffer<std::uint32_t>(wave_networks_);
  scores_ = DeviceBuffer<Score>(wave_networks_);
  training_loss_ = DeviceBuffer<float>(std::size_t{wave_networks_} * kPartSteps);
  results_ = DeviceBuffer<float>(std::size_t{3} * wave_networks_);
  host_begin_ = PinnedBuffer<std::uint32_t>(1);
  host_training_loss_ = PinnedBuffer<float>(training_loss_.size());
  host_results_ = PinnedBuffer<float>(results_.size());
  // Padding between arrays is never written, and parts of a workspace only where there is something to write.
  workspace_.clear(stream_);
  gradients_.clear(stream_);
}

/// Networks a workspace can hold, all of them if possible; otherwise waves of the same size, as far as it goes.
std::uint32_t Population::networks_that_fit() const {
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "Asking for free device memory");
  const double each = static_cast<double>(plan_.workspace_floats + plan_.arena_floats()) * sizeof(float);
  const double room = std::max(1.0, kWorkspaceShare * static_cast<double>(free) / each);
  const auto fit =
      static_cast<std::uint32_t>(std::min<double>({room, double{kMaximumWave}, double(options_.networks)}));
  const std::uint32_t count = (options_.networks + fit - 1) / fit;
  return (options_.networks + count - 1) / count;
}

void Population::upload_dataset() {
  const std::size_t values = static_cast<std::size_t>(options_.input.values());
  images_ = shared_bytes(device_, {options_.source.images, options_.images * values}, stream_);
  labels_ = shared_bytes(device_, {options_.source.labels, options_.images}, stream_);
  train_ = uploaded<std::uint32_t>(options_.train, stream_);
  validation_ = uploaded<std::uint32_t>(options_.validation, stream_);
  test_ = uploaded<std::uint32_t>(options_.test, stream_);
  const std::vector<std::uint32_t> subset = validation_subset(options_);
  validation_subset_ = uploaded<std::uint32_t>(subset, stream_);
  std::vector<float> scale, shift;
  for (std::size_t c = 0; c < options_.mean.size(); ++c) {
    scale.push_back(static_cast<float>(1 / (255 * options_.standard_deviation[c])));
    shift.push_back(static_cast<float>(-options_.mean[c] / options_.standard_deviation[c]));
  }
  scale_ = uploaded<float>(scale, stream_);
  shift_ = uploaded<float>(shift, stream_);
  stream_.synchronize();
}

void Population::open_cublas() {
  for (const Geometry& geometry : plan_.geometries) {
    Product product;
    product.geometry = geometry;
    product.precision = options_.precision;
    if (cublas_ == nullptr && suits_cublas(product)) cublas_ = Cublas::open(stream_);
  }
}

std::size_t Population::bytes() const {
  std::size_t total = images_->bytes() + labels_->bytes() + train_.bytes() + validation_.bytes() + test_.bytes() +
                      arenas_.bytes() + running_.bytes() + logits_.bytes() + status_.bytes() + workspace_.bytes() +
                      gradients_.bytes() + training_loss_.bytes() + stepper_->bytes();
  if (cublas_ != nullptr) total += cublas_->bytes();
  for (const std::unique_ptr<Saved>& saved : saved_) {
    if (saved != nullptr) total += saved->values.bytes();
  }
  return total;
}

float* Population::arena(std::uint32_t network, std::size_t which) const {
  return arenas_.data() + (which * options_.networks + network) * static_cast<std::size_t>(plan_.arena_floats());
}

bool Population::cancelled() const {
  return options_.cancellation != nullptr && __atomic_load_n(options_.cancellation, __ATOMIC_RELAXED) != 0;
}

std::vector<Population::Wave> Population::waves() const {
  std::vector<Wave> waves;
  for (std::uint32_t first = 0; first < options_.networks; first += wave_networks_) {
    waves.push_back({first, std::min(wave_networks_, options_.networks - first)});
  }
  return waves;
}

double Population::loss_and_gradient(std::uint32_t network, std::span<const std::uint32_t> images, float* out) {
  return on_device([&] {
    const PerNetwork<std::uint32_t> numbers = pass_->numbers();
    copy(numbers.data, images.data(), images.size_bytes(), cudaMemcpyHostToDevice, stream_);
    Batch batch;
    batch.first = network;
    batch.networks = 1;
    batch.samples = static_cast<std::uint32_t>(images.size());
    batch.numbers = {numbers.data, numbers.stride};
    batch.batch_statistics = true;
    pass_->forward(stream_, batch, true);
    pass_->backward(stream_, batch);
    std::vector<float> losses(images.size());
    copy(losses.data(), pass_->losses().data, losses.size() * sizeof(float), cudaMemcpyDeviceToHost, stream_);
    for (const ArrayExtent& array : table().arrays()) {
      copy(out, pass_->gradients().data + array.offset, array.size * sizeof(float), cudaMemcpyDeviceToHost, stream_);
      out += array.size;
    }
    stream_.synchronize();
    double sum = 0;
    for (const float loss : losses) sum += static_cast<double>(loss);
    return sum / static_cast<double>(losses.size());
  });
}

}  // namespace ganno::cuda

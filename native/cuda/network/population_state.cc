// What a population does with the state of a network: make it anew, keep it, copy it, show it.
#include <cstddef>

#include "cuda/network/population.h"

namespace ganno::cuda {

void Population::reset(std::span<const std::uint32_t> seeds) {
  on_device([&] {
    seeds_.upload(seeds, stream_);
    arenas_.clear(stream_);
    running_.clear(stream_);
    launch_reset_status(stream_, options_.networks, seeds_.data(), status_.data());
    for (const Wave& wave : waves()) {
      for (const NodeShape& node : plan_.shape.nodes) initialize(wave, node);
    }
    stream_.synchronize();
    for (std::unique_ptr<Saved>& saved : saved_) saved.reset();
  });
}

void Population::initialize(const Wave& wave, const NodeShape& node) {
  const PerNetwork<float> parameters{arena(wave.first, 0), plan_.arena_floats()};
  if (node.kind == LayerKind::kBatchNorm) {
    const auto channels = static_cast<std::uint32_t>(node.running_variance - node.running_mean);
    const auto scale = static_cast<std::int64_t>(node.scale);
    launch_fill(stream_, wave.networks, {parameters.data + scale, parameters.stride}, channels, 1);
    launch_fill(stream_, wave.networks,
                {running(wave.first) + node.running_variance, static_cast<std::int64_t>(running_values())}, channels,
                1);
  }
  if (node.layer < 0) return;
  const InitialLayer layer{initial_spread(node.initializer, node.taps * node.in, node.taps * node.columns),
                           static_cast<std::uint64_t>(node.layer), node.weights,
                           static_cast<std::uint32_t>(node.taps * node.in * node.columns)};
  launch_initialize(stream_, wave.networks, status_.data() + wave.first, layer, parameters);
}

void Population::copy_state(std::uint32_t network, const Saved& saved, bool save) const {
  float* values = saved.values.data();
  const auto move = [&](void* there, void* here, std::size_t bytes) {
    copy(save ? here : there, save ? there : here, bytes, cudaMemcpyDeviceToDevice, stream_);
  };
  const auto floats = static_cast<std::size_t>(plan_.arena_floats());
  for (std::size_t i = 0; i < arenas(); ++i) {
    move(arena(network, i), values, floats * sizeof(float));
    values += floats;
  }
  move(logits(network), values, logits_floats() * sizeof(float));
  if (running_values() > 0) move(running(network), values + logits_floats(), running_values() * sizeof(float));
  move(status_.data() + network, saved.status.data(), sizeof(NetworkStatus));
}

void Population::save(std::uint32_t network) {
  on_device([&] {
    if (saved_[network] == nullptr) {
      const std::size_t floats =
          arenas() * static_cast<std::size_t>(plan_.arena_floats()) + logits_floats() + running_values();
      saved_[network] = std::make_unique<Saved>(Saved{DeviceBuffer<float>(floats), DeviceBuffer<NetworkStatus>(1)});
    }
    copy_state(network, *saved_[network], true);
  });
}

bool Population::restore(std::uint32_t network) {
  if (saved_[network] == nullptr) return false;
  on_device([&] { copy_state(network, *saved_[network], false); });
  return true;
}

void Population::fork(std::uint32_t from, std::uint32_t to) {
  if (from == to) return;
  on_device([&] {
    const auto move = [&](void* target, const void* source, std::size_t bytes) {
      copy(target, source, bytes, cudaMemcpyDeviceToDevice, stream_);
    };
    const auto floats = static_cast<std::size_t>(plan_.arena_floats());
    for (std::size_t i = 0; i < arenas(); ++i) move(arena(to, i), arena(from, i), floats * sizeof(float));
    move(logits(to), logits(from), logits_floats() * sizeof(float));
    if (running_values() > 0) move(running(to), running(from), running_values() * sizeof(float));
    move(status_.data() + to, status_.data() + from, sizeof(NetworkStatus));
  });
}

void Population::read_parameters(std::uint32_t network, float* out) const {
  on_device([&] {
    for (const ArrayExtent& array : table().arrays()) {
      copy(out, arena(network, 0) + array.offset, array.size * sizeof(float), cudaMemcpyDeviceToHost, stream_);
      out += array.size;
    }
    stream_.synchronize();
  });
}

void Population::write_parameters(std::uint32_t network, const float* values) {
  on_device([&] {
    for (const ArrayExtent& array : table().arrays()) {
      copy(arena(network, 0) + array.offset, values, array.size * sizeof(float), cudaMemcpyHostToDevice, stream_);
      values += array.size;
    }
    stream_.synchronize();
  });
}

void Population::read_running(std::uint32_t network, float* out) const {
  if (running_values() == 0) return;
  on_device([&] {
    copy(out, running(network), running_values() * sizeof(float), cudaMemcpyDeviceToHost, stream_);
    stream_.synchronize();
  });
}

void Population::write_running(std::uint32_t network, const float* values) {
  if (running_values() == 0) return;
  on_device([&] {
    copy(running(network), values, running_values() * sizeof(float), cudaMemcpyHostToDevice, stream_);
    stream_.synchronize();
  });
}

void Population::read_logits(std::uint32_t network, float* out) const {
  NetworkStatus status;
  on_device([&] {
    copy(&status, status_.data() + network, sizeof(NetworkStatus), cudaMemcpyDeviceToHost, stream_);
    copy(out, logits(network), logits_floats() * sizeof(float), cudaMemcpyDeviceToHost, stream_);
    stream_.synchronize();
  });
  if (status.has_logits == 0) std::fill_n(out, logits_floats(), 0.0f);
}

void Population::diverged(std::uint8_t* flags) const {
  std::vector<NetworkStatus> status(options_.networks);
  on_device([&] {
    status_.download(status, stream_);
    stream_.synchronize();
  });
  for (std::size_t i = 0; i < status.size(); ++i) flags[i] = status[i].diverged != 0 ? 1 : 0;
}

}  // namespace ganno::cuda

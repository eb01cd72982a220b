#pragma once
// Random layers for the layerwise step: ragged, empty, unaligned, in memory with guards round every array.
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "cpu/layerwise_step.h"

namespace ganno::test {

inline constexpr std::size_t kGuard = 16;
inline constexpr float kGuardValue = -7;

/// An array in a buffer of exactly its size and two guards: AddressSanitizer sees what lies beyond, the guards what is
/// near.
class GuardedArray {
 public:
  GuardedArray(std::size_t size, std::size_t offset) : memory_(offset + size + kGuard, kGuardValue), offset_(offset) {}
  float* data() { return memory_.data() + offset_; }
  std::size_t size() const { return memory_.size() - offset_ - kGuard; }
  bool guards_hold() const {
    for (std::size_t i = 0; i < memory_.size(); ++i) {
      if ((i < offset_ || i >= offset_ + size()) && memory_[i] != kGuardValue) return false;
    }
    return true;
  }

 private:
  std::vector<float> memory_;
  std::size_t offset_;
};

enum class Values { kNormal, kNonFinite, kHuge, kDenormal, kCount };

inline void fill(GuardedArray& array, Values values, std::mt19937& random) {
  std::normal_distribution<float> normal;
  for (std::size_t i = 0; i < array.size(); ++i) {
    const float sample = normal(random);
    float& value = array.data()[i];
    value = values == Values::kHuge ? sample * 1e22f : values == Values::kDenormal ? sample * 1e-39f : sample;
    if (values == Values::kNonFinite && i % 13 == 5) value = i % 2 == 0 ? HUGE_VALF : NAN;
  }
}

struct Layout {
  std::vector<std::uint32_t> arrays_per_layer;
  std::vector<GuardedArray> parameters, gradients;
  std::vector<bool> decays;  // [arrays]
  std::vector<double> controls;

  std::vector<ArrayBinding> bindings() {
    std::vector<ArrayBinding> bindings;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      bindings.push_back({parameters[i].data(), gradients[i].data(), parameters[i].size(), decays[i]});
    }
    return bindings;
  }
  bool guards_hold() const {
    for (const auto* arrays : {&parameters, &gradients}) {
      for (const GuardedArray& array : *arrays) {
        if (!array.guards_hold()) return false;
      }
    }
    return true;
  }
};

/// The same layout for the same seed. `large`: some arrays of several pieces, enough in all for threads.
inline Layout make_layout(unsigned seed, bool large) {
  std::mt19937 random(seed);
  const auto below = [&](std::uint32_t bound) { return random() % bound; };
  constexpr std::size_t kEdges[] = {0, 1, 2, 15, 16, 17, 63, 64, 65, 1023, 1024, 1025, 2047, 2049};
  Layout layout;
  const std::uint32_t layers = 1 + below(5);
  for (std::uint32_t layer = 0; layer < layers; ++layer) {
    layout.arrays_per_layer.push_back(below(4));
    if (large && layer == 0) layout.arrays_per_layer.back() = 2;
    for (std::uint32_t i = 0; i < layout.arrays_per_layer.back(); ++i) {
      layout.decays.push_back((seed + layout.decays.size()) % 3 != 0);
      std::size_t size = kEdges[below(std::size(kEdges))];
      if (large && layer == 0) size = kPieceSize * (1 + i) + below(5000);
      for (std::vector<GuardedArray>* arrays : {&layout.parameters, &layout.gradients}) {
        arrays->emplace_back(size, below(16));
        const bool tame = large || below(2) == 0;
        fill(arrays->back(), tame ? Values::kNormal : static_cast<Values>(below(static_cast<int>(Values::kCount))),
             random);
      }
    }
    layout.controls.insert(layout.controls.end(), {1e-2 * (layer + 1), layer % 2 == 0 ? 0.0 : 1e-2, 0.9});
  }
  return layout;
}

/// Bytes of everything a step may change.
inline std::string snapshot(Layout& layout, LayerwiseStep& step, const std::vector<float>& statistics) {
  std::string bytes;
  const auto append = [&](const void* data, std::size_t size) { bytes.append(static_cast<const char*>(data), size); };
  for (std::size_t i = 0; i < layout.parameters.size(); ++i) {
    append(layout.parameters[i].data(), layout.parameters[i].size() * sizeof(float));
  }
  const std::vector<std::uint64_t> steps = step.steps();
  append(steps.data(), steps.size() * sizeof(std::uint64_t));
  for (std::size_t array = 0; array < step.array_count(); ++array) {
    for (int which = 0; which < 2; ++which) {
      std::vector<float> moment(layout.parameters[array].size());
      try {
        step.read_moment(array, which, moment);
      } catch (const std::invalid_argument&) {
        continue;
      }
      append(moment.data(), moment.size() * sizeof(float));
    }
  }
  append(statistics.data(), statistics.size() * sizeof(float));
  return bytes;
}

}  // namespace ganno::test

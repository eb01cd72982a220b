#pragma once
// Where each layer's arrays lie in an arena. One arena holds one kind of value (parameters, gradients, a moment); all
// arenas of a network share one table.
//
//   | layer 0 weights ......0000| layer 0 bias .00000| layer 1 weights ...
//   ^ 64-float boundary         ^ 64-float boundary  ^ zero-padded up to the boundary; values stay compact (tfjs
//   layout)
#include <cstdint>
#include <string>
#include <vector>

namespace ganno {

inline constexpr std::uint64_t kArenaAlignment = 64;  // floats: 256 bytes

struct ArrayExtent {
  std::uint64_t offset = 0;  // floats from the arena's start, a multiple of kArenaAlignment
  std::uint64_t size = 0;    // true element count; padding is not counted anywhere
};

struct LayerEntry {
  std::string name;
  std::uint32_t first_array = 0;
  std::uint32_t array_count = 0;
  std::uint64_t size = 0;  // elements over all its arrays
  bool weight_decay = true;
};

class LayerTable {
 public:
  /// Appends a layer with one array per size; returns its index.
  std::uint32_t add_layer(std::string name, const std::vector<std::uint64_t>& array_sizes, bool weight_decay = true) {
    LayerEntry layer{std::move(name), static_cast<std::uint32_t>(arrays_.size()),
                     static_cast<std::uint32_t>(array_sizes.size()), 0, weight_decay};
    for (const std::uint64_t size : array_sizes) {
      arrays_.push_back({arena_size_, size});
      arena_size_ += (size + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
      layer.size += size;
    }
    layers_.push_back(std::move(layer));
    return static_cast<std::uint32_t>(layers_.size() - 1);
  }

  const std::vector<LayerEntry>& layers() const { return layers_; }
  const std::vector<ArrayExtent>& arrays() const { return arrays_; }
  std::uint64_t arena_size() const { return arena_size_; }  // floats, padding included
  std::uint64_t parameter_count() const {
    std::uint64_t count = 0;
    for (const LayerEntry& layer : layers_) count += layer.size;
    return count;
  }

 private:
  std::vector<LayerEntry> layers_;
  std::vector<ArrayExtent> arrays_;
  std::uint64_t arena_size_ = 0;
};

}  // namespace ganno

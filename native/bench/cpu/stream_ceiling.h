#pragma once
// What the memory of this machine allows an Adam step: the same streams, cut into the same pieces for the same pool of
// threads, without its arithmetic. Benchmarks state ganno's share of it.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cpu/tier.h"

namespace ganno {

struct StreamPiece {
  float* parameters;
  const float* gradients;
  float* moment1;
  float* moment2;
  std::size_t size;
};

/// Four arrays of its own (parameters, gradients, two moments) for each layer.
class StreamCeiling {
 public:
  /// Most elements over all layers: 4 GiB of arrays.
  static constexpr std::uint64_t kMaximumElements = std::uint64_t{1} << 28;

  /// Fills parameters with 1, first moments with 2, second moments with 3 and gradients with 4.
  /// @param sizes elements of each layer
  /// @throws std::invalid_argument when they are more than kMaximumElements together; std::bad_alloc
  StreamCeiling(Tier tier, int threads, std::span<const std::uint64_t> sizes);

  /// Reads all four arrays of every layer and writes three of them, once: parameters become 2, then 3, then 4 for good.
  void pass();

  std::size_t layer_count() const { return layers_.size(); }
  std::span<const float> parameters(std::size_t layer) const { return layers_.at(layer); }
  std::uint64_t bytes() const { return floats_ * sizeof(float); }

 private:
  struct Free {
    void operator()(float* memory) const;
  };

  void (*move_)(const StreamPiece&);
  int threads_;
  std::uint64_t floats_ = 0;
  std::unique_ptr<float, Free> memory_;
  std::vector<std::span<const float>> layers_;  // the parameters of each
  std::vector<StreamPiece> pieces_;
  std::vector<std::size_t> task_ends_;  // pieces of a task end here, as in LayerwiseStep
};

}  // namespace ganno

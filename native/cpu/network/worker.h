#pragma once
// A thread's part of a population: its workspace, and the right to use it.
#include <cstdint>
#include <mutex>
#include <vector>

#include "core/interval_statistics.h"
#include "cpu/network/population.h"

namespace ganno {

/// One thread's workspace.
struct Population::Worker {
  Worker(const NetworkPlan& plan, const PopulationOptions& options, Tier tier)
      : pass(plan, tier, options.mean.data(), options.standard_deviation.data()),
        statistics(plan.table.layers().size()),
        images(static_cast<std::size_t>(plan.capacity)) {}

  Pass pass;
  std::vector<LayerInterval> statistics;  // [layers]
  std::vector<std::uint32_t> images;
};

/// A workspace for as long as a network needs it; there are as many as threads.
class Population::Lease {
 public:
  explicit Lease(Population& population) : population_(population) {
    const std::lock_guard lock(population_.idle_mutex_);
    worker_ = population_.idle_.back();
    population_.idle_.pop_back();
  }
  ~Lease() {
    const std::lock_guard lock(population_.idle_mutex_);
    population_.idle_.push_back(worker_);
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Worker& worker() const { return *worker_; }

 private:
  Population& population_;
  Worker* worker_;
};

}  // namespace ganno

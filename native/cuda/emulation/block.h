#pragma once
// Runs the blocks of a grid on one operating-system thread: a CUDA thread is a fiber that gives way where it must wait,
// and who goes next is drawn at random, so that a result which depends on the order of threads or blocks changes with
// the seed. What CUDA leaves undefined ends the launch with a report.
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <source_location>
#include <string>
#include <vector>

#include "cuda/emulation/fiber.h"
#include "cuda/emulation/shared_memory.h"
#include "cuda/emulation/vector_types.h"

namespace ganno::cuda::emulation {

enum class WarpOperation {
  kSync,
  kBallot,
  kReduceAdd,
  kShuffle,
  kShuffleUp,
  kShuffleDown,
  kShuffleXor,
  kTensorProduct
};
enum class BarrierOperation { kSync, kCount, kAnd, kOr };

class Block {
 public:
  Block();
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  /// Runs `kernel` for every thread of every block. @returns what went wrong, or nothing
  std::string run_grid(dim3 grid, dim3 block, std::size_t dynamic_shared_bytes, const std::function<void()>& kernel,
                       std::uint64_t seed);

  // --- for the device functions, on a fiber ---
  uint3 thread_index() const { return threads_[current_].index; }
  uint3 block_index() const { return block_index_; }
  dim3 block_dimensions() const { return block_; }
  dim3 grid_dimensions() const { return grid_; }
  int barrier(BarrierOperation operation, int predicate, const std::source_location& site);
  /// @param value the thread's own, up to 64 bits (a tensor product: its TensorLane)
  /// @param argument lane, distance or mask of a shuffle
  std::uint64_t warp(WarpOperation operation, unsigned mask, std::uint64_t value, int argument, int width,
                     const std::source_location& site);
  SharedMemory& shared_memory() { return shared_; }
  /// Where the current thread stands, for the race detector.
  Moment now() const;
  /// Ends the launch.
  [[noreturn]] void fail(const std::string& message);

 private:
  enum class State : std::uint8_t { kNew, kRunnable, kAtBarrier, kInWarp, kReturned };
  struct Thread {
    uint3 index;
    State state;
    Fiber* fiber;
    std::source_location site;
    // What it brought to the barrier or warp operation it waits at, and what comes of it.
    int operation;
    int predicate;
    unsigned mask;
    int argument;
    int width;
    std::uint64_t value;
    std::uint64_t result;
  };

  static void fiber_main(void* self);
  void prepare_block(std::uint64_t index);
  void run_block();
  /// On a fiber: continues with another thread; returns when the current one may go on.
  void wait();
  /// Takes a thread that can run out of the list, at random. @returns false when none is left
  bool draw_next();
  void leave_fiber_idle();
  void release_barrier();
  void complete_warp(unsigned warp);
  std::uint64_t shuffled(unsigned first, unsigned lane, const Thread& thread);
  std::string describe(unsigned thread) const;
  std::string explain_deadlock() const;

  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_fibers_;
  Context outside_;
  std::vector<Thread> threads_;
  std::vector<unsigned> runnable_;
  std::vector<std::uint32_t> warp_epochs_;
  SharedMemory shared_;
  std::minstd_rand random_;
  const std::function<void()>* kernel_ = nullptr;
  dim3 grid_, block_;
  uint3 block_index_{};
  unsigned current_ = 0;
  unsigned at_barrier_ = 0;
  unsigned returned_ = 0;
  std::uint32_t epoch_ = 0;
  bool stopped_ = false;
  std::string report_;
};

/// The block whose thread is running on this operating-system thread; null outside kernels. initial-exec: kernels read
/// threadIdx through it all the time, and the general model is a function call.
extern thread_local Block* running_block __attribute__((tls_model("initial-exec")));

/// @throws nothing: ends the launch, or aborts the process where no kernel runs (a device function called by the host)
[[noreturn]] void fail(const std::string& message);

std::string location(const std::source_location& site);

}  // namespace ganno::cuda::emulation

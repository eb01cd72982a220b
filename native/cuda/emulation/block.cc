#include "cuda/emulation/block.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string_view>

#include "cuda/emulation/tensor_core.h"

namespace ganno::cuda::emulation {

namespace {

constexpr unsigned kWarpSize = 32;
constexpr unsigned kMostThreads = 1024;

constexpr const char* kWarpOperationNames[] = {"__syncwarp",     "__ballot_sync",    "__reduce_add_sync", "__shfl_sync",
                                               "__shfl_up_sync", "__shfl_down_sync", "__shfl_xor_sync",   "mma.sync"};

bool same_site(const std::source_location& a, const std::source_location& b) {
  const bool same_file = a.file_name() == b.file_name() || std::string_view(a.file_name()) == b.file_name();
  return a.line() == b.line() && a.column() == b.column() && same_file;
}

std::string hexadecimal(unsigned mask) {
  char text[11];
  std::snprintf(text, sizeof text, "0x%08x", mask);
  return text;
}

}  // namespace

thread_local Block* running_block __attribute__((tls_model("initial-exec"))) = nullptr;

void fail(const std::string& message) {
  if (running_block != nullptr) running_block->fail(message);
  std::fprintf(stderr, "device function called outside a kernel: %s\n", message.c_str());
  std::abort();
}

std::string location(const std::source_location& site) {
  const std::string_view path = site.file_name();
  return std::string(path.substr(path.rfind('/') + 1)) + ":" + std::to_string(site.line());
}

Block::Block() = default;
Block::~Block() = default;

std::string Block::run_grid(dim3 grid, dim3 block, std::size_t dynamic_shared_bytes,
                            const std::function<void()>& kernel, std::uint64_t seed) {
  const unsigned size = block.x * block.y * block.z;
  const std::uint64_t blocks = static_cast<std::uint64_t>(grid.x) * grid.y * grid.z;
  if (size == 0 || size > kMostThreads || blocks == 0)
    return "a grid of " + std::to_string(blocks) + " blocks of " + std::to_string(size) + " threads";
  if (grid.y > 65535 || grid.z > 65535 || grid.x > 2147483647u)
    return "a grid beyond 2^31 - 1 x 65,535 x 65,535 blocks";
  if (dynamic_shared_bytes > SharedMemory::kLimit) return "more dynamic shared memory than a block can have";
  grid_ = grid;
  block_ = block;
  kernel_ = &kernel;
  random_.seed(static_cast<std::minstd_rand::result_type>(seed % 2147483647 + 1));
  report_.clear();
  stopped_ = false;
  threads_.resize(size);
  running_block = this;

  std::vector<std::uint32_t> order(blocks);
  std::iota(order.begin(), order.end(), 0u);
  std::shuffle(order.begin(), order.end(), random_);
  for (const std::uint64_t index : order) {
    shared_.reset(dynamic_shared_bytes);
    prepare_block(index);
    run_block();
    if (stopped_) break;
  }
  running_block = nullptr;
  return report_;
}

void Block::prepare_block(std::uint64_t index) {
  block_index_ = {static_cast<unsigned>(index % grid_.x), static_cast<unsigned>(index / grid_.x % grid_.y),
                  static_cast<unsigned>(index / grid_.x / grid_.y)};
  const auto size = static_cast<unsigned>(threads_.size());
  for (unsigned i = 0; i < size; ++i) {
    threads_[i] = {};
    threads_[i].index = {i % block_.x, i / block_.x % block_.y, i / block_.x / block_.y};
    threads_[i].state = State::kNew;
  }
  runnable_.resize(size);
  std::iota(runnable_.begin(), runnable_.end(), 0u);
  warp_epochs_.assign((size + kWarpSize - 1) / kWarpSize, 0);
  epoch_ = 0;
  at_barrier_ = returned_ = 0;
}

void Block::run_block() {
  if (!draw_next()) return;
  if (idle_fibers_.empty()) {
    fibers_.push_back(std::make_unique<Fiber>(&Block::fiber_main, this));
    idle_fibers_.push_back(fibers_.back().get());
  }
  Fiber* first = idle_fibers_.back();
  idle_fibers_.pop_back();
  threads_[current_].fiber = first;
  switch_context(outside_, first->context());
  // A stopped launch leaves fibers in the middle of a thread, and a finished one leaves the last fiber at its end.
  for (const auto& fiber : fibers_) {
    if (!fiber->stack_intact() && report_.empty()) report_ = "a thread needs more than a fiber's stack";
    stopped_ = stopped_ || !report_.empty();
  }
  if (stopped_) {
    idle_fibers_.clear();
    for (const auto& fiber : fibers_) {
      fiber->restart();
      idle_fibers_.push_back(fiber.get());
    }
  }
}

/// A fiber runs threads to their end one after another; only a thread that waits keeps it.
void Block::fiber_main(void* self) {
  auto& block = *static_cast<Block*>(self);
  arrived_on_fiber(block.outside_);
  for (;;) {
    Fiber* fiber = block.threads_[block.current_].fiber;
    (*block.kernel_)();
    Thread& thread = block.threads_[block.current_];
    thread.state = State::kReturned;
    ++block.returned_;
    if (!block.draw_next()) {
      if (block.returned_ != block.threads_.size()) block.fail(block.explain_deadlock());
      block.idle_fibers_.push_back(fiber);
      switch_context(fiber->context(), block.outside_);
      continue;  // the next block's first thread
    }
    Thread& next = block.threads_[block.current_];
    if (next.fiber == nullptr) {
      next.fiber = fiber;
      continue;
    }
    block.idle_fibers_.push_back(fiber);
    switch_context(fiber->context(), next.fiber->context());
  }
}

bool Block::draw_next() {
  if (runnable_.empty()) return false;
  const std::size_t drawn = random_() % runnable_.size();
  current_ = runnable_[drawn];
  runnable_[drawn] = runnable_.back();
  runnable_.pop_back();
  return true;
}

void Block::wait() {
  const unsigned self = current_;
  if (!draw_next()) fail(explain_deadlock());
  if (current_ == self) return;
  Thread& next = threads_[current_];
  if (next.fiber == nullptr) {
    if (idle_fibers_.empty()) {
      fibers_.push_back(std::make_unique<Fiber>(&Block::fiber_main, this));
      idle_fibers_.push_back(fibers_.back().get());
    }
    next.fiber = idle_fibers_.back();
    idle_fibers_.pop_back();
  }
  switch_context(threads_[self].fiber->context(), next.fiber->context());
}

void Block::fail(const std::string& message) {
  report_ = message + " (thread " + std::to_string(current_) + " of block " + std::to_string(block_index_.x) + ", " +
            std::to_string(block_index_.y) + ", " + std::to_string(block_index_.z) + ")";
  stopped_ = true;
  switch_context(threads_[current_].fiber->context(), outside_);
  std::abort();  // a stopped launch is never continued
}

Moment Block::now() const {
  return {current_, epoch_, warp_epochs_[current_ / kWarpSize]};
}

int Block::barrier(BarrierOperation operation, int predicate, const std::source_location& site) {
  Thread& thread = threads_[current_];
  thread.state = State::kAtBarrier;
  thread.site = site;
  thread.operation = static_cast<int>(operation);
  thread.predicate = predicate != 0;
  const unsigned self = current_;
  if (++at_barrier_ == threads_.size()) release_barrier();
  wait();
  return static_cast<int>(threads_[self].result);
}

void Block::release_barrier() {
  unsigned count = 0;
  for (unsigned i = 0; i < threads_.size(); ++i) {
    const Thread& thread = threads_[i];
    count += static_cast<unsigned>(thread.predicate);
    if (!same_site(thread.site, threads_[0].site) || thread.operation != threads_[0].operation) {
      fail("divergent barrier: " + describe(0) + ", " + describe(i));
    }
  }
  for (unsigned i = 0; i < threads_.size(); ++i) {
    Thread& thread = threads_[i];
    switch (static_cast<BarrierOperation>(thread.operation)) {
      case BarrierOperation::kSync:
        break;
      case BarrierOperation::kCount:
        thread.result = count;
        break;
      case BarrierOperation::kAnd:
        thread.result = count == threads_.size();
        break;
      case BarrierOperation::kOr:
        thread.result = count != 0;
        break;
    }
    thread.state = State::kRunnable;
    runnable_.push_back(i);
  }
  at_barrier_ = 0;
  ++epoch_;
}

std::uint64_t Block::warp(WarpOperation operation, unsigned mask, std::uint64_t value, int argument, int width,
                          const std::source_location& site) {
  const unsigned self = current_;
  const unsigned first = self / kWarpSize * kWarpSize;
  Thread& thread = threads_[self];
  thread.state = State::kInWarp;
  thread.site = site;
  thread.operation = static_cast<int>(operation);
  thread.mask = mask;
  thread.value = value;
  thread.argument = argument;
  thread.width = width;
  if ((mask >> (self - first) & 1) == 0) {
    fail(std::string(kWarpOperationNames[thread.operation]) + " at " + location(site) + ": the mask " +
         hexadecimal(mask) + " does not name the calling lane " + std::to_string(self - first));
  }
  bool complete = true;
  for (unsigned lane = 0; lane < kWarpSize; ++lane) {
    if ((mask >> lane & 1) == 0) continue;
    if (first + lane >= threads_.size() || threads_[first + lane].state == State::kReturned) {
      fail(std::string(kWarpOperationNames[thread.operation]) + " at " + location(site) + ": the mask " +
           hexadecimal(mask) + " names lane " + std::to_string(lane) + ", which has returned or never was");
    }
    const Thread& other = threads_[first + lane];
    if (other.state != State::kInWarp) {
      complete = false;
      continue;
    }
    if (other.operation != thread.operation || other.mask != mask || !same_site(other.site, site)) {
      fail("divergent warp: " + describe(self) + ", " + describe(first + lane));
    }
  }
  if (complete) complete_warp(self / kWarpSize);
  wait();
  return threads_[self].result;
}

/// The current thread was the last of its mask to arrive.
void Block::complete_warp(unsigned warp) {
  const unsigned first = warp * kWarpSize;
  const unsigned mask = threads_[current_].mask;
  const auto operation = static_cast<WarpOperation>(threads_[current_].operation);
  if (operation == WarpOperation::kTensorProduct) {
    TensorLane* lanes[kWarpSize];
    for (unsigned lane = 0; lane < kWarpSize; ++lane) {
      lanes[lane] = reinterpret_cast<TensorLane*>(threads_[first + lane].value);
    }
    complete_tensor_product(lanes);
  }
  std::uint64_t together = 0;
  for (unsigned lane = 0; lane < kWarpSize; ++lane) {
    if ((mask >> lane & 1) == 0) continue;
    const std::uint64_t value = threads_[first + lane].value;
    if (operation == WarpOperation::kBallot) together |= static_cast<std::uint64_t>(value != 0) << lane;
    if (operation == WarpOperation::kReduceAdd) together = (together + value) & 0xffffffffu;
  }
  for (unsigned lane = 0; lane < kWarpSize; ++lane) {
    if ((mask >> lane & 1) == 0) continue;
    Thread& thread = threads_[first + lane];
    const bool exchanges = operation > WarpOperation::kReduceAdd && operation != WarpOperation::kTensorProduct;
    thread.result = exchanges ? shuffled(first, lane, thread) : together;
  }
  for (unsigned lane = 0; lane < kWarpSize; ++lane) {
    if ((mask >> lane & 1) == 0) continue;
    threads_[first + lane].state = State::kRunnable;
    runnable_.push_back(first + lane);
  }
  if (operation == WarpOperation::kSync) ++warp_epochs_[warp];
}

std::uint64_t Block::shuffled(unsigned first, unsigned lane, const Thread& thread) {
  const auto width = static_cast<unsigned>(thread.width);
  const auto argument = static_cast<unsigned>(thread.argument);
  if (!std::has_single_bit(width) || width > kWarpSize) fail("a shuffle's width is not a power of two up to 32");
  const unsigned begin = lane / width * width;
  unsigned source = lane;
  switch (static_cast<WarpOperation>(thread.operation)) {
    case WarpOperation::kShuffle:
      source = begin + argument % width;
      break;
    case WarpOperation::kShuffleUp:
      if (lane >= begin + argument) source = lane - argument;
      break;
    case WarpOperation::kShuffleDown:
      if (lane + argument < begin + width) source = lane + argument;
      break;
    default:
      if ((lane ^ argument) < begin + width) source = lane ^ argument;
      break;
  }
  if ((thread.mask >> source & 1) == 0) {
    fail(std::string(kWarpOperationNames[thread.operation]) + " at " + location(thread.site) + ": lane " +
         std::to_string(lane) + " reads from lane " + std::to_string(source) + ", which the mask " +
         hexadecimal(thread.mask) + " does not name");
  }
  return threads_[first + source].value;
}

std::string Block::describe(unsigned index) const {
  const Thread& thread = threads_[index];
  const std::string who = "thread " + std::to_string(index);
  switch (thread.state) {
    case State::kReturned:
      return who + " has returned";
    case State::kAtBarrier:
      return who + " waits at __syncthreads at " + location(thread.site);
    case State::kInWarp:
      return who + " waits at " + kWarpOperationNames[thread.operation] + " at " + location(thread.site) +
             " with mask " + hexadecimal(thread.mask);
    default:
      return who + " can go on";
  }
}

/// Nobody can go on: names one thread of each kind of waiting.
std::string Block::explain_deadlock() const {
  std::string text = "divergent barrier";
  bool said[3] = {};
  for (unsigned i = 0; i < threads_.size(); ++i) {
    const State state = threads_[i].state;
    const int kind = state == State::kReturned ? 0 : state == State::kAtBarrier ? 1 : 2;
    if (said[kind]) continue;
    text += (text.back() == 'r' && !said[0] && !said[1] && !said[2] ? ": " : ", ") + describe(i);
    said[kind] = true;
  }
  return text;
}

}  // namespace ganno::cuda::emulation

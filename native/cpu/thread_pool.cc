#include "cpu/thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "cpu/float_environment.h"

namespace ganno {

namespace {

constexpr auto kSpin = std::chrono::microseconds(30);  // about what a wake-up costs
constexpr int kMaximumHelpers = 255;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// One parallel_for; lives on its caller's stack until no helper holds it.
struct Job {
  std::size_t count;
  void (*call)(void*, std::size_t);
  void* context;
  std::uint64_t float_control;
  int wanted_helpers;        // guarded by the pool's mutex
  std::exception_ptr error;  // guarded by error_mutex
  std::mutex error_mutex;
  std::atomic<int> helpers{0};  // raised under the pool's mutex, lowered as a helper's last touch
  std::atomic<std::size_t> next{0};

  void work() {
    for (;;) {
      const std::size_t index = next.fetch_add(1, std::memory_order_relaxed);
      if (index >= count) return;
      try {
        call(context, index);
      } catch (...) {
        next.store(count, std::memory_order_relaxed);
        const std::lock_guard lock(error_mutex);
        if (!error) error = std::current_exception();
      }
    }
  }
};

class ThreadPool {
 public:
  static ThreadPool& instance() {
    ThreadPool* pool = current_.load(std::memory_order_acquire);
    if (pool != nullptr) return *pool;
    static std::once_flag once;
    // In a forked child the helpers do not exist and the mutex may be held by one: start over with a new pool.
    std::call_once(once, [] { pthread_atfork(nullptr, nullptr, [] { current_.store(nullptr); }); });
    auto* created = new ThreadPool;  // leaked on purpose
    if (!current_.compare_exchange_strong(pool, created)) {
      delete created;
      return *pool;
    }
    return *created;
  }

  void run(Job& job) {
    {
      const std::lock_guard lock(mutex_);
      grow(job.wanted_helpers);
      jobs_.push_back(&job);
      epoch_.fetch_add(1, std::memory_order_release);
      if (sleeping_ > 0) {
        if (job.wanted_helpers == 1) {
          wake_.notify_one();
        } else {
          wake_.notify_all();
        }
      }
    }
    job.work();
    {
      const std::lock_guard lock(mutex_);
      std::erase(jobs_, &job);
    }
    for (int turns = 0; job.helpers.load(std::memory_order_acquire) > 0; ++turns) {
      if (turns < 2000) {
        pause();
      } else {
        sched_yield();
      }
    }
  }

 private:
  void grow(int wanted) {
    // Several Node workers may want helpers at once: enough threads for the widest job, no more than that.
    while (helper_count_ < std::min(wanted, kMaximumHelpers)) {
      try {
        // Node handles signals on its own threads.
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        try {
          std::thread(&ThreadPool::help, this).detach();
        } catch (...) {
          pthread_sigmask(SIG_SETMASK, &before, nullptr);
          throw;
        }
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
      } catch (const std::system_error&) {
        return;  // no more threads to be had: the caller does the work
      }
      ++helper_count_;
    }
  }

  Job* claim() {
    for (Job* job : jobs_) {
      if (job->wanted_helpers > 0) {
        --job->wanted_helpers;
        job->helpers.fetch_add(1, std::memory_order_relaxed);
        return job;
      }
    }
    return nullptr;
  }

  void help() {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (Job* job = claim()) {
        lock.unlock();
        FloatEnvironment::write(job->float_control);
        job->work();
        job->helpers.fetch_sub(1, std::memory_order_release);  // the job may be gone after this
        lock.lock();
        continue;
      }
      const std::uint64_t seen = epoch_.load(std::memory_order_relaxed);
      lock.unlock();
      const auto until = std::chrono::steady_clock::now() + kSpin;
      while (epoch_.load(std::memory_order_acquire) == seen && std::chrono::steady_clock::now() < until) pause();
      lock.lock();
      if (epoch_.load(std::memory_order_relaxed) == seen) {
        ++sleeping_;
        wake_.wait(lock, [&] { return epoch_.load(std::memory_order_relaxed) != seen; });
        --sleeping_;
      }
    }
  }

  static inline std::atomic<ThreadPool*> current_{nullptr};

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Job*> jobs_;               // open jobs, oldest first
  std::atomic<std::uint64_t> epoch_{0};  // counts jobs; written under the mutex, spun on without
  int helper_count_ = 0;
  int sleeping_ = 0;
};

}  // namespace

void detail::parallel_for(std::size_t count, int threads, void (*call)(void*, std::size_t), void* context) {
  const std::size_t useful = std::min(count, static_cast<std::size_t>(std::max(threads, 1)));
  if (useful <= 1) {
    for (std::size_t index = 0; index < count; ++index) call(context, index);
    return;
  }
  Job job{count, call, context, FloatEnvironment::read(), static_cast<int>(useful) - 1, {}, {}};
  ThreadPool::instance().run(job);
  if (job.error) std::rethrow_exception(job.error);
}

int available_threads() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace ganno

#include "bench/cpu/fma_peak.h"

#include <chrono>
#include <ctime>
#include <stdexcept>
#include <thread>

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif

namespace ganno {

GANNO_IN_TIERS(double fma_loop(std::uint64_t iterations);)

namespace {

using FmaLoop = double (*)(std::uint64_t);

FmaLoop fma_loop_of(Tier tier) {
  return GANNO_OF_TIER(tier, fma_loop);
}

#if defined(__linux__)
std::vector<int> allowed_cpus() {
  std::vector<int> cpus;
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &allowed)) cpus.push_back(cpu);
    }
  }
  return cpus;
}

void pin_this_thread(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  pthread_setaffinity_np(pthread_self(), sizeof one, &one);  // unpinned is a worse measurement, not an error
}
#endif

double thread_cpu_seconds() {
#if defined(CLOCK_THREAD_CPUTIME_ID)
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
#else
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
#endif
}

FmaRun run_for(FmaLoop loop, double milliseconds) {
  constexpr std::uint64_t kIterations = 20'000;  // about 0.1 ms between looks at the clock
  using Clock = std::chrono::steady_clock;
  loop(kIterations);  // the core's frequency settles
  FmaRun run;
  const double cpu_start = thread_cpu_seconds();
  const auto start = Clock::now();
  do {
    run.operations += loop(kIterations);
    run.wall_seconds = std::chrono::duration<double>(Clock::now() - start).count();
  } while (run.wall_seconds * 1e3 < milliseconds);
  run.cpu_seconds = thread_cpu_seconds() - cpu_start;
  return run;
}

}  // namespace

std::vector<FmaRun> measure_fma_peak(Tier tier, double milliseconds, int threads) {
  if (!(milliseconds > 0) || threads < 1) throw std::invalid_argument("measure_fma_peak: nothing to measure");
  const FmaLoop loop = fma_loop_of(tier);
  std::vector<FmaRun> runs(static_cast<std::size_t>(threads));
#if defined(__linux__)
  const std::vector<int> cpus = allowed_cpus();
#endif
  std::vector<std::jthread> workers;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    workers.emplace_back([&, i] {
#if defined(__linux__)
      if (!cpus.empty()) pin_this_thread(cpus[i % cpus.size()]);
#endif
      runs[i] = run_for(loop, milliseconds);
    });
  }
  workers.clear();  // joins
  return runs;
}

}  // namespace ganno

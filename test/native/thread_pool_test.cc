// The pool of helper threads: it grows, spins, sleeps and wakes while several threads use it at once.
#include "cpu/thread_pool.h"

#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "cpu/float_environment.h"

namespace ganno::test {

namespace {

/// Each index once, and everything visible to the caller afterwards without further synchronisation.
void run_once(std::size_t count, int threads) {
  std::vector<int> calls(count, 0);
  parallel_for(count, threads, [&](std::size_t index) { ++calls[index]; });
  for (const int called : calls) CHECK(called == 1);
}

TEST_CASE("parallel_for calls every index once, for any number of threads and tasks") {
  for (const int threads : {-1, 0, 1, 2, 3, 8, 40}) {
    for (const std::size_t count : {0, 1, 2, 7, 100}) run_once(count, threads);
  }
}

TEST_CASE("parallel_for wakes helpers that sleep, spin or are about to sleep") {
  // Pauses from 0 to 100 us sweep over the 30 us a helper spins before it sleeps.
  for (int round = 0; round < 400; ++round) {
    run_once(4, 2 + round % 3);
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(round % 100);
    while (std::chrono::steady_clock::now() < until) {
    }
  }
}

TEST_CASE("parallel_for serves several threads at once, that come and go") {
  for (int round = 0; round < 10; ++round) {
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 6; ++caller) {
      callers.emplace_back([caller] {
        for (int i = 0; i < 60; ++i) run_once(static_cast<std::size_t>(1 + (i * 7) % 23), 1 + (caller + i) % 4);
      });
    }
    for (std::thread& caller : callers) caller.join();
  }
}

TEST_CASE("parallel_for may be called inside itself") {
  std::atomic<int> calls{0};
  parallel_for(6, 3, [&](std::size_t) {
    parallel_for(5, 3, [&](std::size_t) { parallel_for(4, 2, [&](std::size_t) { ++calls; }); });
  });
  CHECK(calls == 6 * 5 * 4);
}

TEST_CASE("parallel_for hands on an exception and works on") {
  for (int round = 0; round < 50; ++round) {
    const auto fail = [&](std::size_t index) {
      if (index % 7 == 3) throw std::runtime_error("as asked");
    };
    for (const int threads : {1, 4}) CHECK_THROWS_AS(parallel_for(50, threads, fail), std::runtime_error);
    run_once(10, 4);
  }
}

TEST_CASE("parallel_for gives helpers the caller's floating-point control word") {
  const std::uint64_t before = FloatEnvironment::read();
  for (const Denormals denormals : {Denormals::kFlush, Denormals::kKeep}) {
    const FloatEnvironment environment(denormals);
    std::atomic<int> different{0};
    parallel_for(64, 4, [&](std::size_t) { different += FloatEnvironment::read() != FloatEnvironment::read(); });
    // Compared inside a task of its own: a helper may have run an older task under another word.
    const std::uint64_t expected = FloatEnvironment::read();
    parallel_for(64, 4, [&](std::size_t) { different += FloatEnvironment::read() != expected; });
    CHECK(different == 0);
  }
  CHECK_MESSAGE(FloatEnvironment::read() == before, "the control word is put back");
}

// ThreadSanitizer does not follow threads that are made after a fork.
#if !defined(__SANITIZE_THREAD__)
TEST_CASE("parallel_for works in a forked child, whose helpers are gone") {
  run_once(100, 4);
  const pid_t child = fork();
  if (child == 0) {
    std::atomic<int> calls{0};
    parallel_for(100, 4, [&](std::size_t) { ++calls; });
    _exit(calls == 100 ? 0 : 1);
  }
  int status = 1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
#endif

}  // namespace

}  // namespace ganno::test

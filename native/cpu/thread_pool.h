#pragma once
// One pool of helper threads for the whole process, shared by every Node worker. It grows to what was asked for and is
// never torn down: helpers only touch the pool, which is leaked on purpose, so process exit needs no order.
#include <cstddef>
#include <type_traits>

namespace ganno {

namespace detail {
void parallel_for(std::size_t count, int threads, void (*call)(void*, std::size_t), void* context);
}

/// Calls function(index) for every index in [0, count), each once, on at most `threads` threads of which the caller is
/// one, and returns when all are done. Indices are claimed one by one in ascending order; nothing about the result may
/// depend on who takes which. Helpers run with the caller's floating-point control word. Small work is faster with
/// threads = 1: waking a sleeping helper costs 20-40 us (a helper spins ~30 us after its last work before it sleeps).
/// Safe to call from several threads at once and from inside `function`.
/// @throws whatever `function` throws first; the remaining indices may then be skipped.
template <typename Function>
void parallel_for(std::size_t count, int threads, Function&& function) {
  using Callable = std::remove_reference_t<Function>;
  detail::parallel_for(
      count, threads, [](void* context, std::size_t index) { (*static_cast<Callable*>(context))(index); },
      const_cast<void*>(static_cast<const void*>(&function)));
}

/// Threads the pool may use at most: the CPUs this process is allowed to run on.
int available_threads();

}  // namespace ganno

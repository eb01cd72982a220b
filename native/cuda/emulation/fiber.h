#pragma once
// Stackful coroutines: a CUDA thread that has to wait keeps its stack. Switching is by hand on x86-64 (a few
// nanoseconds) and by ucontext elsewhere; AddressSanitizer is told of every switch.
#include <cstddef>
#include <memory>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace ganno::cuda::emulation {

/// Where execution can be continued. The operating system's own stack is one too (default constructed).
struct Context {
#if defined(__x86_64__)
  void* stack_pointer = nullptr;
#else
  ucontext_t machine;
#endif
  const void* stack_bottom = nullptr;  // for AddressSanitizer
  std::size_t stack_size = 0;
};

class Fiber {
 public:
  /// @param entry called on the fiber's stack at the first switch to it; must never return
  Fiber(void (*entry)(void*), void* argument);

  Context& context() { return context_; }
  /// Starts over: whatever was on the stack is forgotten without destructors.
  void restart();
  /// Whether the stack's far end is untouched.
  bool stack_intact() const;

 private:
  struct Free {
    void operator()(char* memory) const;
  };
  void (*entry_)(void*);
  void* argument_;
  std::unique_ptr<char, Free> stack_;
  Context context_;
};

/// Leaves `from` and continues at `to`.
void switch_context(Context& from, Context& to);

/// The first thing an entry function does: tells AddressSanitizer it has arrived.
void arrived_on_fiber(Context& from);

}  // namespace ganno::cuda::emulation
